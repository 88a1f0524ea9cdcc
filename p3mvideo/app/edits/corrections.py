"""What a person decided about the faces of one input: by options, by an edits file, or in an earlier run."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from p3mvideo.app.reports.audit import read_audit, read_json
from p3mvideo.errors import ConfigError
from p3mvideo.io.fingerprint import Fingerprint
from p3mvideo.options import EditOptions
from p3mvideo.privacy.two_pass.apply_edits import without_edits
from p3mvideo.privacy.two_pass.cover_plan import CoverPlan, Span
from p3mvideo.privacy.two_pass.edits import Edits, edits_from_json
from p3mvideo.privacy.two_pass.plan_json import plan_from_json

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EarlierRun:
    """What an audit says."""

    path: Path
    identity: Fingerprint
    """Of its input."""
    options: dict[str, Any]
    plan: CoverPlan
    edits: Edits

    @classmethod
    def read(cls, path: Path) -> EarlierRun:
        """Return what an audit says.

        Raises:
            ConfigError: It is none.
        """
        audit = read_audit(path)
        options = audit.get("options")
        if not isinstance(options, dict):
            raise ConfigError(f"the audit {path} lacks its options", hint="take it as it was written")
        try:
            plan, edits = plan_from_json(audit), edits_from_json(audit.get("edits", {}))
        except ConfigError as error:
            raise ConfigError(f"{path}: {error.message}", hint=error.hint) from error
        return cls(path, Fingerprint(audit.get("input_bytes", 0), audit.get("input_sha256", "")), options, plan, edits)


@dataclass(frozen=True)
class Corrections:
    """All decisions, as they were given."""

    edits: Edits
    """Of the edits file and of options."""
    replaces: bool
    """Whether there is an edits file, which takes the place of all earlier edits."""
    earlier: EarlierRun | None = None
    """What was found earlier, in place of looking for faces."""

    @classmethod
    def of(cls, options: EditOptions) -> Corrections:
        """Read the files that options name.

        Raises:
            ConfigError: One cannot be read, or is of another kind.
        """
        edits = Edits.of(options)
        if options.edits is not None:
            try:
                edits = edits_from_json(read_json(options.edits, "edits file")).then(edits)
            except ConfigError as error:
                raise ConfigError(f"{options.edits}: {error.message}", hint=error.hint) from error
        earlier = None if options.from_audit is None else EarlierRun.read(options.from_audit)
        return cls(edits, options.edits is not None, earlier)

    def check_input(self, path: Path, identity: Fingerprint, options: dict[str, Any]) -> None:
        """Make sure that an input is the one that the earlier run was about, if there was one; warn if it is covered otherwise this time.

        Raises:
            ConfigError: It is another one.
        """
        if self.earlier is None:
            return
        if identity != self.earlier.identity:
            raise ConfigError(f"{path} is not the input that {self.earlier.path} is about", hint="name the original, as it was, and its own audit")
        if options["cover"] != self.earlier.options.get("cover"):
            logger.warning("the covers differ from those of %s: %s, now %s", self.earlier.path, self.earlier.options.get("cover"), options["cover"])

    def begin(self, found: CoverPlan | None) -> tuple[CoverPlan, Edits, dict[int, tuple[Span, ...]]]:
        """Return the plan that the edits are about, all edits, and where the faces that were added earlier are, by their index in the edits.

        Args:
            found: What was found in this run; None if there was an earlier one.
        """
        if self.earlier is None:
            assert found is not None
            return found, self.edits, {}
        if self.replaces:
            return without_edits(self.earlier.plan), self.edits, {}
        added = (track.spans for track in self.earlier.plan.tracks if track.by_hand)
        return self.earlier.plan, self.earlier.edits.then(self.edits), dict(enumerate(added))
