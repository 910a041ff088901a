import click


@click.group()
def command() -> None:
    """x"""
