"""(collected once every kernel file stands)"""
