"""`python main.py [PROFILE]`: from reviews to a report that compares recurrent networks over review lengths.

A table of contents: what each subcommand does stands in `commands/`. `run` is the default.
"""

import argparse
import sys

from commands import config_file, output, signals
from records.errors import ConfigError, LengthwiseError

with config_file.told(ends=__name__ == "__main__"):
    from commands import evaluate, inspect, run

COMMANDS = {"run": run, "inspect": inspect, "evaluate": evaluate}
BAD_INPUT, INTERRUPTED = 2, 130


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line; without the name of a subcommand it is one of `run`."""
    parser = argparse.ArgumentParser(
        prog="main.py",
        description="Compare recurrent networks over review lengths. main.py PROFILE is short for main.py run PROFILE.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subcommands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        subparser = subcommands.add_parser(name, help=command.HELP, description=command.HELP, epilog=command.EPILOG)
        command.add_arguments(subparser)
        subparser.set_defaults(main=command.main)
    parser.epilog = subcommands.choices["run"].format_help()
    is_complete = arguments[:1] and arguments[0] in (*COMMANDS, "-h", "--help")
    return parser.parse_args(arguments if is_complete else ["run", *arguments])


def main(arguments: list[str] | None = None) -> int:
    """Run a subcommand, and turn what a person can mend into one sentence and an exit code."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    signals.end_as_interrupted()
    try:
        code = options.main(options)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("interrupted; the same command goes on", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone
        sys.stderr.close()
        return INTERRUPTED
    except ConfigError as error:
        print(f"configuration error:\n{error}", file=sys.stderr)
    except LengthwiseError as error:
        print(f"error: {error}", file=sys.stderr)
    except OSError as error:
        if (problem := output.problem(error)) is None:
            raise
        print(f"error: {problem}", file=sys.stderr)
    return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
