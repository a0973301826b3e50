"""`doctor`: what is asked (`facts`), what is thought of it (`checks`, pure), what is shown (`page`)."""
