"""`pangea completion`: what a shell needs to complete our commands and options."""

import click

from .group import Command

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_PANGEA_COMPLETE"


@click.command("completion", cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    pangea completion bash > ~/.local/share/bash-completion/completions/pangea
    pangea completion zsh  > ~/.zfunc/_pangea
    pangea completion fish > ~/.config/fish/completions/pangea.fish
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is None:
        raise click.ClickException(f"no completion for {shell}")
    root = context.find_root().command
    click.echo(found(root, {}, "pangea", VARIABLE).source())
