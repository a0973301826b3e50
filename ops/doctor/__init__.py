"""`doctor`: health checks of a stack. `facts` asks AWS, `checks` are pure functions over that, `page` prints."""
