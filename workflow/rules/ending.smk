# What a run prints when it ends.
def print_failures():
    """Say at the end of a run that failed why it did, below all that Snakemake says of it."""
    from degcraft.failures import failures

    print(failures("results/logs", BEGUN), file=sys.stderr)


def print_outcome():
    """Say at the end of a run that wrote the report what was found and where to look."""
    from degcraft.outcome import outcome

    page = Path("results/report.html")
    if page.is_file() and page.stat().st_mtime >= BEGUN:
        print(outcome("results", list(CONFIG.targets), BEGUN), file=sys.stderr)
