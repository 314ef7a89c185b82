"""How the demo looks: colours, bars and tables on a terminal, the same words in plain lines anywhere else."""

from __future__ import annotations

import contextlib
import textwrap
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from local.traffic import Fate
from ses_feedback import naming
from ses_feedback.config import Config
from ses_feedback.config.model import Identity

Answers = Mapping[str, Mapping[str, Any]]
_PLAIN_WIDTH: Final = 110
_DIGEST_LINES: Final = 24
_DONE: Final = "[green]✓[/green]"


class Report:
    """What a person at a terminal, or a log, sees of the demo."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        if not self._console.is_terminal:
            self._console = Console(highlight=False, width=_PLAIN_WIDTH, no_color=True)

    def title(self, config: Config) -> None:
        """Say what is going to happen."""
        identities = ", ".join(config.identities)
        self._console.print(f"\n[bold]ses-feedback[/bold]: the whole loop on this machine, with {identities}\n")

    def step(self, text: str) -> None:
        """Say that something is done."""
        self._console.print(f"{_DONE} {text}")

    @contextlib.contextmanager
    def busy(self, text: str) -> Iterator[Callable[[str], None]]:
        """Show that something takes a while; the given function tells how far it is."""
        if not self._console.is_terminal:
            self._console.print(f"… {text}")
            yield lambda more: self._console.print(f"… {text}: {more}")
            return
        with self._console.status(text) as status:
            yield lambda more: status.update(f"{text}: {more}")

    @contextlib.contextmanager
    def progress(self, text: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar on a terminal, a line for each quarter elsewhere; the given function advances it."""
        if not self._console.is_terminal:
            yield self._quarters(text, total)
            return
        columns = (TextColumn("… {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task(text, total=total)
            yield lambda amount: bar.advance(task, amount)
        self.step(text)

    def _quarters(self, text: str, total: int) -> Callable[[int], None]:
        done, said, lock = 0, 0, threading.Lock()

        def advance(amount: int) -> None:
            nonlocal done, said
            with lock:
                done += amount
                if done * 4 // total > said:
                    said = done * 4 // total
                    self._console.print(f"… {text}: {said * 25}%")

        return advance

    # --- the summary

    def simulated(self, addresses: Sequence[str], answers: Answers) -> None:
        """What became of the mails to the simulator."""
        table = self._table("What the loop made of the mails to the simulator", "address", "may be mailed?", "because")
        for address in addresses:
            answer = answers[address]
            table.add_row(address, self._verdict(answer), _because(answer))
        self._console.print(table)

    def identities(
        self, identities: Sequence[Identity], counts: Mapping[str, Mapping[str, int]], alarms: set[str], name: str
    ) -> None:
        """What came in for each identity within the hour, its rates, and its alarm."""
        table = self._table(
            "What came in within the hour",
            "identity",
            "stream",
            ">delivered",
            ">bounced",
            ">rate",
            ">complaints",
            ">rate",
            "alarm",
        )
        for identity in identities:
            count = counts[identity.name]
            bounced, delivered = count[naming.METRIC_HARD_BOUNCED], count[naming.METRIC_DELIVERED]
            complained, reporting = count[naming.METRIC_COMPLAINED], count[naming.METRIC_DELIVERED_REPORTING]
            subjects = (identity.name, naming.roll_up_subject(identity.environment))
            fired = [
                s for s in ("page", "warn") if any(naming.rates_alarm_name(name, of, s) in alarms for of in subjects)
            ]
            table.add_row(
                identity.name,
                f"{identity.environment}/{identity.stream}",
                f"{delivered:,}",
                f"{bounced:,}",
                _rate(bounced, bounced + delivered),
                f"{complained:,}",
                _rate(complained, reporting),
                Text(fired[0].upper(), "bold red") if fired else Text("ok", "green"),
            )
        table.caption = (
            "A high rate alone alarms nobody: one bounce in thirteen mails is a rate too. Bad events must add up."
        )
        table.caption_justify = "left"
        self._console.print(table)

    def suppressions(self, reasons: Mapping[str, Mapping[str, int]]) -> None:
        """How many addresses are suppressed now, for which reasons."""
        table = self._table("Suppressed now (ses-feedback list)", "environment", ">addresses", "reasons")
        for environment, found in reasons.items():
            words = ", ".join(f"{reason} {count:,}" for reason, count in sorted(found.items(), key=lambda p: -p[1]))
            table.add_row(environment, f"{sum(found.values()):,}", words or "-")
        self._console.print(table)

    def cast(self, cast: Sequence[Fate], answers: Answers, environment: str) -> None:
        """The addresses whose story is known, and how each ended."""
        table = self._table(
            f"Ten addresses of {environment}, one by one", "address", "what happened", "may be mailed?", "because"
        )
        for fate in cast:
            answer = answers[fate.address]
            table.add_row(fate.address, fate.story, self._verdict(answer), _because(answer))
        self._console.print(table)

    def quarantined(self, why: Mapping[str, int]) -> None:
        """What could not be read, and why; it is kept whole."""
        table = self._table("Quarantined: kept whole, counted, alarmed, never dropped", ">times", "why")
        for reason, count in sorted(why.items(), key=lambda pair: -pair[1]):
            table.add_row(str(count), reason)
        self._console.print(table)

    def page(self, subject: str, notice: Mapping[str, Any], reasons: Mapping[str, str]) -> None:
        """The message that on-call's subscription received, and the alarms below it."""
        body = Text()
        body.append(f"Subject: {subject}\n\n", "bold")
        body.append(f"{notice['AlarmDescription']}\n\n")
        body.append(f"{notice['OldStateValue']} → {notice['NewStateValue']} at {notice['StateChangeTime']}\n", "dim")
        for name, reason in reasons.items():
            body.append(f"{name}: {reason}\n", "dim")
        panel = Panel(body, title="What on-call received", border_style="red", box=self._box(), expand=False)
        self._console.print()
        self._console.print(panel)

    def words(self, subject: str, text: str) -> None:
        """The message that people on call received about an alarm, whole."""
        body = Text(f"Subject: {subject}\n\n", "bold")
        body.append(text.strip(), "not bold")
        panel = Panel(body, title="What on-call received", border_style="red", box=self._box(), expand=False)
        self._console.print()
        self._console.print(panel)

    def digest(self, team: str, subject: str, text: str) -> None:
        """The one message that a team's people received about all of it, or the beginning of a long one."""
        lines = text.strip().splitlines()
        body = Text(f"Subject: {subject}\n\n", "bold")
        body.append("\n".join(lines[:_DIGEST_LINES]), "not bold")
        if len(lines) > _DIGEST_LINES:
            body.append(f"\n… and {len(lines) - _DIGEST_LINES} lines more", "not bold dim")
        panel = Panel(body, title=f"What {team} received", border_style="blue", box=self._box(), expand=False)
        self._console.print()
        self._console.print(panel)

    def command(self, command: str, output: str) -> None:
        """A command and what it answered."""
        self._console.print(f"\n[bold]$ {command}[/bold]")
        self._console.print(Text(output))

    def note(self, text: str) -> None:
        """A remark on what was just shown."""
        self._console.print(f"[dim]{text}[/dim]")

    def end(self, seconds: float) -> None:
        """What to try next."""
        self._console.print(
            textwrap.dedent(f"""
            {_DONE} [bold]all of it in {seconds:.0f} s, and nothing is left running.[/bold] Next:
              make local                        the same embedded AWS, left running; then in another shell
              . .local/env                      point any AWS SDK and the command line at it
              ses-feedback list --environment production
              CONFIG=my-feedback.toml make demo your own identities
              docs/deploy.md                    the same `cdk deploy` into a real account
            """)
        )

    # --- parts

    def _box(self) -> box.Box:
        return box.ROUNDED if self._console.is_terminal else box.ASCII2

    def _table(self, title: str, *columns: str) -> Table:
        table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
        if not self._console.is_terminal:
            table.box = box.ASCII2
        for column in columns:
            right = column.startswith(">")
            table.add_column(column.removeprefix(">"), justify="right" if right else "left", overflow="fold")
        return table

    @staticmethod
    def _verdict(answer: Mapping[str, Any]) -> Text:
        return Text("no", "red") if answer["suppressed"] else Text("yes", "green")


def _rate(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "-"


def _because(answer: Mapping[str, Any]) -> str:
    if not answer["suppressed"]:
        return ""
    scope = "every stream" if answer["scope"] in ("environment", "*") else "this stream"
    end = f"until {answer['until'][:10]}" if answer["until"] else "for good"
    return f"{answer['reason']}, {scope}, {end}"
