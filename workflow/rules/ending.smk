# What a run prints when it ends.
def shown(folder):
    """A folder of results as the user would write it, who may have said --directory."""
    return Path(workflow.overwrite_workdir or "", folder)


def print_failures():
    """Say at the end of a run that failed why it did, below all that Snakemake says of it."""
    from degcraft.failures import failures

    print(failures("results/logs", BEGUN, shown("results/logs")), file=sys.stderr)


def print_outcome():
    """Say at the end of a run that wrote the report what was found and where to look."""
    from degcraft.leftovers import leftovers
    from degcraft.outcome import outcome

    page = Path("results/report.html")
    if page.is_file() and page.stat().st_mtime >= BEGUN:
        distributions = CONFIG.expand({*CONFIG.distributions, *CONFIG.degrade_distributions})
        where = shown("results")
        print(outcome("results", list(CONFIG.targets), BEGUN, where), file=sys.stderr)
        if left := leftovers("results", CONFIG.targets, distributions, where):
            print(left, file=sys.stderr)
