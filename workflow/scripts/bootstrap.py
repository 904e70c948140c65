"""Say how sure the weights of one target are."""

from job import job

from degcraft.bootstrap import bootstrap
from degcraft.certificate import CraftFacts
from degcraft.distribution import Distribution
from degcraft.moments_file import read_moments
from degcraft.storage import write_table

with job(snakemake):
    params, files = snakemake.params, snakemake.input
    crafted, dial = Distribution.read(files.weights), CraftFacts.read(files.crafted).generalization
    moments, references = read_moments(files.moments), read_moments(files.reference)
    found = bootstrap(crafted, moments, references, dial, **params.settings, seed=params.seed)
    write_table(found.marginals, snakemake.output.marginals)
    write_table(found.distances, snakemake.output.distances)
