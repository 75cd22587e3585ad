"""The feature contract as a page for readers: `python -m ml.feature_page > docs/features.md`.

What the contract says, put into Markdown; a test holds the page to it. Nothing is defined here.
"""

from __future__ import annotations

from ml.features import FEATURE_SET, FEATURES

HEAD = f"""# The features

Written by `python -m ml.feature_page > docs/features.md` out of `ml/features.py`; not to be edited by hand. Feature
set: `{FEATURE_SET}`.

A feature is seen at the moment *t* at which a client asks, by exactly the rows of the log and of presence with `seq
<= as_of_seq`. Online it is a column of `sync.online_features`, offline one of `conflict_features`, of the same name;
a check replays logged predictions and compares the two. A *moment* is `edit_start` (the edit begins) or `edit_open`
(asked again while it is open). An *event* is a change that was applied, merged or left in conflict; it is *timed* where
it was edited before it was received. A *push* is one request; it is timed where one of its events is, and conflicted
where one of those is. How a push's row comes from those of its records, `ml/push_level.py` says.

*Announced*: the feature is at its default unless the client said which fields its edit touches, or from which version
of the record it began. A model learns from every edit both as it was announced and as if it had said nothing
(`ml/announcements.py`), so that silence is not read as safety.

A model keeps the names that it was trained on in its manifest and is fed by them: a champion of an older set goes on
being served, and a model that wants a name that is not here is refused.

| feature | unit | default | announced | meaning |
|---|---|---|---|---|
"""


def page() -> str:
    """The whole page as Markdown."""
    rows = (
        f"| `{f.name}` | {f.unit} | {f.default:g} | {'yes' if f.is_of_announcement else ''} | {f.meaning} |"
        for f in FEATURES
    )
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(page(), end="")
