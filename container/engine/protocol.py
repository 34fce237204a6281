"""The lines between the worker and this host (core/engine-protocol.ts): errors, replies, checked requests."""

import json
import os
import threading

PROTOCOL_VERSION = 1

#: Longest error message that leaves the process; library messages can quote whole arrays.
LONGEST_MESSAGE = 400


class EngineError(Exception):
    """A failure with a code of core/errors.ts; `details` are values of JSON's simple types."""

    def __init__(self, code, message, **details):
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


class Cancelled(EngineError):
    """The worker asked for the end of this request."""

    def __init__(self):
        super().__init__('CANCELLED', 'The run was cancelled.')


class Replies:
    """Writes lines on the descriptor that was stdout at start; any thread may write."""

    def __init__(self, descriptor):
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def _write(self, document):
        line = json.dumps(document, ensure_ascii=True, allow_nan=False).encode() + b'\n'
        with self._lock:
            while line:
                line = line[os.write(self._descriptor, line) :]

    def progress(self, request_id, stage, done, total):
        self._write({'event': 'progress', 'id': request_id, 'stage': stage, 'done': done, 'total': total})

    def done(self, request_id, result):
        self._write({'event': 'done', 'id': request_id, 'result': result})

    def error(self, request_id, error):
        message = ' '.join(error.message.split())[:LONGEST_MESSAGE]
        self._write(
            {'event': 'error', 'id': request_id, 'code': error.code, 'message': message, 'details': error.details}
        )


def _is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value):
    return isinstance(value, str) and value != ''


def _is_folds(value):
    return isinstance(value, list) and len(value) > 0 and all(_is_int(fold) and 0 <= fold <= 4 for fold in value)


def _is_classes(value):
    return value is None or (isinstance(value, list) and len(value) > 0 and all(_is_text(name) for name in value))


def _is_flag(value):
    return isinstance(value, bool)


CALL_FIELDS = {
    'nnunet-v1': {'modelFolder': _is_text, 'checkpoint': _is_text, 'folds': _is_folds, 'tta': _is_flag},
    'totalsegmentator': {
        'weightsRoot': _is_text,
        'task': _is_text,
        'roiSubset': _is_classes,
        'fast': _is_flag,
        'multilabel': _is_flag,
    },
}


def _is_call(value):
    if not isinstance(value, dict) or value.get('engine') not in CALL_FIELDS:
        return False
    return all(name in value and check(value[name]) for name, check in CALL_FIELDS[value['engine']].items())


REQUEST_FIELDS = {
    'hello': {},
    'load': {'call': _is_call},
    'open': {'ct': _is_text},
    'run': {'handle': _is_text, 'call': _is_call, 'output': _is_text},
    'close': {'handle': _is_text},
    'cancel': {'target': _is_int},
    'shutdown': {},
}


def parse_request(line):
    """The request of one line of bytes, or EngineError ENGINE_PROTOCOL with `request_id` as an attribute."""
    request_id = None
    try:
        request = json.loads(line)
        if not isinstance(request, dict):
            raise ValueError('it is not an object')
        if not _is_int(request.get('id')):
            raise ValueError('it has no integer id')
        request_id = request['id']
        fields = REQUEST_FIELDS.get(request.get('op')) if isinstance(request.get('op'), str) else None
        if fields is None:
            raise ValueError(f'its op is none of {", ".join(REQUEST_FIELDS)}')
        for name, check in fields.items():
            if name not in request or not check(request[name]):
                raise ValueError(f'its field {name} is missing or malformed')
        return request
    except (ValueError, RecursionError) as problem:
        # A decoding error would quote the line.
        reason = 'it is not JSON' if isinstance(problem, (json.JSONDecodeError, UnicodeDecodeError)) else str(problem)
        error = EngineError('ENGINE_PROTOCOL', f'The engine host cannot use a request: {reason}.')
        error.request_id = request_id
        raise error from None
