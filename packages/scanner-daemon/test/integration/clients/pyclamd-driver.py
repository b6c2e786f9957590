# Asks pyclamd, unchanged, everything it can do and prints what it got as JSON.
import io
import json
import sys

import pyclamd

target, tree = sys.argv[1], sys.argv[2]
if target.startswith('/'):
    clamd = pyclamd.ClamdUnixSocket(filename=target, timeout=30)
else:
    clamd = pyclamd.ClamdNetworkSocket(host='127.0.0.1', port=int(target), timeout=30)


def failure(call):
    try:
        return call()
    except Exception as error:
        return type(error).__name__


eicar = clamd.EICAR()
print(json.dumps({
    'ping': clamd.ping(),
    'version': clamd.version(),
    'stats': clamd.stats(),
    'scanInfected': clamd.scan_file(tree + '/sub/eicar'),
    'scanClean': clamd.scan_file(tree + '/clean'),
    'scanMissing': clamd.scan_file(tree + '/missing'),
    'contscan': clamd.contscan_file(tree + '/sub'),
    'multiscan': clamd.multiscan_file(tree + '/sub'),
    'multiscanClean': clamd.multiscan_file(tree + '/quiet'),
    'allmatch': clamd.allmatchscan(tree + '/both'),
    'allmatchDirectory': clamd.allmatchscan(tree + '/sub/deeper'),
    'streamInfected': clamd.scan_stream(eicar),
    'streamClean': clamd.scan_stream(b'nothing to see'),
    'streamFile': clamd.scan_stream(io.BytesIO(eicar)),
    # pyclamd ends a stream of whole chunks twice. Its second end now and then finds the answer given and the socket closed.
    'streamWholeChunks': failure(lambda: clamd.scan_stream(b'x' * 8192)),
    'streamEmpty': failure(lambda: clamd.scan_stream(b'')),
    'streamTooLong': failure(lambda: clamd.scan_stream(b'x' * 3000000)),
    'reload': clamd.reload(),
}))
