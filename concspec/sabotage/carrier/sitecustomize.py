"""Carries a sabotage into a child interpreter: Python imports this module when it starts."""

import concspec.sabotage

concspec.sabotage.continue_in_child()
