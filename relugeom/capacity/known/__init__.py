"""What is known of the capacity: theorems, and the table with a certificate for every entry."""

from __future__ import annotations
