import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineAnswer } from '../../fixtures/engine-python.ts';

let folder: string;
let weight: string;
let outcomes: Record<string, string | null>;

/** One process tries everything; an outcome is the event of the refusal, or null where nothing was refused. */
const SCRIPT = `
import multiprocessing, os, pathlib, shutil, socket, subprocess, sys
from environment import Forbidden, Guard

home = sys.argv[1]
model = os.path.join(home, 'models', 'task')
weight = os.path.join(model, 'fold_0', 'model')
other = os.path.join(home, 'other')
linked = os.path.join(home, 'link')
os.symlink(model, linked)
guard = Guard()
guard.install()
guard.protect(model)

def written(path, mode):
    with open(path, mode):
        pass

def spawned():
    # The resource tracker is the first program that the pool starts.
    multiprocessing.get_context('spawn').Pool(1)

def forked():
    if os.fork() == 0:
        os._exit(0)

ATTEMPTS = {
    'connect': lambda: socket.create_connection(('127.0.0.1', 9)),
    'connect a socket': lambda: socket.socket().connect(('127.0.0.1', 9)),
    'look up a name': lambda: socket.gethostbyname('localhost'),
    'send a packet': lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9)),
    'start a program': lambda: subprocess.run(['true']),
    'start a shell': lambda: os.system('true'),
    'fork': forked,
    'a pool of forks': lambda: multiprocessing.get_context('fork').Pool(1),
    'a pool of programs': spawned,
    'remove a weight': lambda: os.remove(weight),
    'rename a weight': lambda: os.rename(weight, other),
    'put something in place of a weight': lambda: os.replace(os.path.join(home, 'source'), weight),
    'move a weight away': lambda: shutil.move(weight, other),
    'remove the folder': lambda: shutil.rmtree(model),
    'remove the folder above': lambda: shutil.rmtree(os.path.dirname(model)),
    'rename the folder above': lambda: os.rename(os.path.dirname(model), other),
    'cut a weight': lambda: os.truncate(weight, 0),
    'write a weight': lambda: written(weight, 'wb'),
    'write a weight through a link': lambda: written(os.path.join(linked, 'fold_0', 'model'), 'wb'),
    'append to a weight': lambda: written(weight, 'ab'),
    'change a weight in place': lambda: written(weight, 'r+b'),
    'make a file beside a weight': lambda: written(weight + '.new', 'x'),
    'open a weight to write by descriptor': lambda: os.open(weight.encode(), os.O_WRONLY),
    'write a weight by pathlib': lambda: pathlib.Path(weight).write_text('x'),
    'make a folder beside a weight': lambda: os.mkdir(os.path.join(model, 'fold_1')),
    'make a weight unreadable': lambda: os.chmod(weight, 0),
    'read a weight': lambda: written(weight, 'rb'),
    'read a weight by descriptor': lambda: os.close(os.open(weight, os.O_RDONLY)),
    'write elsewhere': lambda: written(other, 'wb'),
    'remove elsewhere': lambda: os.remove(other),
    'write through a descriptor': lambda: os.close(os.open(os.devnull, os.O_WRONLY)),
}

def outcome(attempt):
    try:
        attempt()
    except Forbidden as refusal:
        return refusal.event
    return None

def answer():
    return {name: outcome(attempt) for name, attempt in ATTEMPTS.items()}
`;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hpb-guard-'));
  weight = join(folder, 'models', 'task', 'fold_0', 'model');
  mkdirSync(join(weight, '..'), { recursive: true });
  writeFileSync(weight, 'weights');
  writeFileSync(join(folder, 'source'), 'something else');
  outcomes = engineAnswer(SCRIPT, [folder]) as Record<string, string | null>;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the guard of the engine host', () => {
  it('lets nobody reach the network', () => {
    expect(outcomes).toMatchObject({
      connect: 'socket.getaddrinfo',
      'connect a socket': 'socket.connect',
      'look up a name': 'socket.gethostbyname',
      'send a packet': 'socket.sendto',
    });
  });

  it('lets nobody start a process, not even a pool', () => {
    expect(outcomes).toMatchObject({
      'start a program': 'subprocess.Popen',
      'start a shell': 'os.system',
      fork: 'os.fork',
      'a pool of forks': 'os.fork',
      'a pool of programs': 'multiprocessing.spawn',
    });
  });

  it('lets nobody remove, replace or write weights, nor what holds them', () => {
    expect(outcomes).toMatchObject({
      'remove a weight': 'os.remove',
      'rename a weight': 'os.rename',
      'put something in place of a weight': 'os.rename',
      'move a weight away': 'shutil.move',
      'remove the folder': 'shutil.rmtree',
      'remove the folder above': 'shutil.rmtree',
      'rename the folder above': 'os.rename',
      'cut a weight': 'os.truncate',
      'write a weight': 'open',
      'write a weight through a link': 'open',
      'append to a weight': 'open',
      'change a weight in place': 'open',
      'make a file beside a weight': 'open',
      'open a weight to write by descriptor': 'open',
      'write a weight by pathlib': 'open',
      'make a folder beside a weight': 'os.mkdir',
      'make a weight unreadable': 'os.chmod',
    });
    expect(readFileSync(weight, 'utf8')).toBe('weights');
  });

  it('leaves reading, and writing elsewhere, alone', () => {
    expect(outcomes).toMatchObject({
      'read a weight': null,
      'read a weight by descriptor': null,
      'write elsewhere': null,
      'remove elsewhere': null,
      'write through a descriptor': null,
    });
  });
});
