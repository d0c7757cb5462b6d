"""The data sets, one a file; a file placed in this folder is found."""
