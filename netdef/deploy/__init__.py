"""From a training definition to the net that answers: see `derive_deploy`."""

from netdef.deploy.derive import Derivation, derive, derive_deploy

__all__ = ["Derivation", "derive", "derive_deploy"]
