"""The one family of errors that a person, not a programmer, can cause.

Every message is a single sentence that says what is wrong and what to do. The web page shows it,
the command line prints it and exits with status 2.
"""


class UserError(Exception):
    """Base of all errors whose message is meant for the person at the screen."""


class PhotographError(UserError):
    """The file is no picture, is broken, or is out of the accepted bounds."""


class NoFaceError(PhotographError):
    """No face was found in the photograph."""

    def __init__(
        self,
        said: str = "No face was found in the photograph; "
        "use one in which a face is large, sharp and seen from the front.",
    ) -> None:
        super().__init__(said)


class CheckpointError(UserError):
    """A weight file is missing, corrupt, refused or cannot be fetched."""


class SessionError(UserError):
    """A session file is broken, hostile or made for another generator."""


class EditError(UserError):
    """An edit names an unknown direction or an amount that is no number in range."""
