"""What is wrong with a workspace, found by one plain function for each thing that is looked at (``checks.examine``)."""
