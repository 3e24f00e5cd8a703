def scan_gds(data, path, process, limits):
    return None
