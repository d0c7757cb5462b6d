"""The passes of conversion: each changes a Conversion in one named way."""
