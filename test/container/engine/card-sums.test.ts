import { beforeAll, describe, expect, it } from 'vitest';
import { engineAnswer } from '../../fixtures/engine-python.ts';

/** A card is put in place of this CPU: how much of it is free, and what happens on it. */
const SCRIPT = `
from types import SimpleNamespace
import torch
import card_sums

CARD, GIB = torch.device('cuda:0'), 2 ** 30
emptied = []
torch.cuda.empty_cache = lambda: emptied.append(True)

def with_card(free, sums, fails=False, reserved=0, allocated=0):
    torch.cuda.mem_get_info = lambda card: (free, 16 * GIB)
    torch.cuda.memory_reserved = lambda card: reserved
    torch.cuda.memory_allocated = lambda card: allocated
    tried = []
    def slide(where):
        tried.append(where.type)
        if fails and where.type == 'cuda':
            raise torch.OutOfMemoryError('CUDA out of memory')
        return where.type
    run = SimpleNamespace(sums_in_ram=False)
    return {'on': card_sums.with_sums(slide, CARD, sums, run), 'tried': tried, 'reported': run.sums_in_ram}

def on_cpu():
    run = SimpleNamespace(sums_in_ram=False)
    return {'on': card_sums.with_sums(lambda where: where.type, torch.device('cpu'), 1 << 60, run), 'reported': run.sums_in_ram}

def copies():
    result = torch.arange(4.0)
    copy = card_sums.CopiesTo(torch.device('cpu'))
    image = torch.zeros(2)
    same = card_sums.near(image, torch.device('cpu'), torch.device('cpu')) is image
    return {'equal': torch.equal(copy(result), result), 'same': same}

def answer():
    return {
        'room': with_card(10 * GIB, 2 * GIB),
        'small': with_card(4 * GIB, 2 * GIB),
        'kept': with_card(4 * GIB, 2 * GIB, reserved=3 * GIB, allocated=GIB),
        'late': with_card(10 * GIB, 2 * GIB, fails=True),
        'emptied': len(emptied),
        'cpu': on_cpu(),
        'copies': copies(),
    }
`;

let answer: Record<string, unknown>;
beforeAll(() => {
  answer = engineAnswer(SCRIPT) as Record<string, unknown>;
});

describe('the sums of a sliding window', () => {
  it('lie on the card while they fit there', () => {
    expect(answer['room']).toEqual({ on: 'cuda', tried: ['cuda'], reported: false });
  });

  it('lie in RAM from the start when the card has no room for them, and that is told', () => {
    expect(answer['small']).toEqual({ on: 'cpu', tried: ['cpu'], reported: true });
  });

  it('have what torch holds of the card and does not use', () => {
    expect(answer['kept']).toEqual({ on: 'cuda', tried: ['cuda'], reported: false });
  });

  it('go to RAM when the card is full after all, which is told and gives the card back', () => {
    expect(answer['late']).toEqual({ on: 'cpu', tried: ['cuda', 'cpu'], reported: true });
    expect(answer['emptied']).toBe(1);
  });

  it('lie in RAM on a CPU, where that is no shortage', () => {
    expect(answer['cpu']).toEqual({ on: 'cpu', reported: false });
    expect(answer['copies']).toEqual({ equal: true, same: true });
  });
});
