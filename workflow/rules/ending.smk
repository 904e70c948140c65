# What a run prints when it ends.
def print_failures():
    """Say at the end of a run that failed why it did, below all that Snakemake says of it."""
    from degcraft.failures import failures

    print(failures("results/logs", BEGUN, shown("results/logs")), file=sys.stderr)


def print_outcome():
    """Say at the end of a run what was found and where to look: all if it wrote the report, or what was crafted."""
    from degcraft.leftovers import leftovers
    from degcraft.outcome import outcome, what_was_crafted

    page, where = Path("results/report.html"), shown("results")
    if page.is_file() and page.stat().st_mtime >= BEGUN:
        distributions = CONFIG.expand({*CONFIG.distributions, *CONFIG.degrade_distributions})
        upscaled = {
            name: (len(list_images(f"results/upscaled/{name}")), len(list_images(folder)))
            for name, folder in folders_to_upscale().items()
        }
        print(outcome("results", list(CONFIG.targets), BEGUN, where, other_results(), upscaled), file=sys.stderr)
        if left := leftovers("results", CONFIG.targets, distributions, where):
            print(left, file=sys.stderr)
    elif crafted := what_was_crafted("results", list(CONFIG.targets), BEGUN, where):
        print(crafted, file=sys.stderr)
