import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetPublicKeyCommand, type KMSClient, type SignCommand } from '@aws-sdk/client-kms';
import { describe, expect, it } from 'vitest';
import { keySigner, pemOf, signatureFits } from '../../adapters/key-signer.ts';
import { kmsSigner } from '../../adapters/kms-signer.ts';
import { receiptSigner } from '../../adapters/receipt-signer.ts';
import type { Signer } from '../../core/signer-port.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const MESSAGE = Buffer.from('{"contentSha256": "…"}\n'.repeat(500));

function keyFile(type: 'ed25519' | 'x25519' = 'ed25519'): { path: string; publicKey: KeyObject } {
  const pair = type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('x25519');
  const path = join(tempFolder(), 'key.pem');
  writeFileSync(path, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return { path, publicKey: pair.publicKey };
}

/** KMS as far as signing goes: real keys and signatures of P-256, the digest as it was sent. */
function fakeKms(curve: 'P-256' | 'none' = 'P-256'): Pick<KMSClient, 'send'> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const send = async (command: unknown): Promise<unknown> => {
    if (curve === 'none') throw Object.assign(new Error('no such key'), { name: 'NotFoundException' });
    if (command instanceof GetPublicKeyCommand)
      return { PublicKey: publicKey.export({ type: 'spki', format: 'der' }) };
    const { Message, MessageType, SigningAlgorithm } = (command as SignCommand).input;
    expect({ MessageType, SigningAlgorithm, bytes: Message!.length }).toEqual({
      MessageType: 'DIGEST',
      SigningAlgorithm: 'ECDSA_SHA_256',
      bytes: 32,
    });
    // Node hashes what it signs: the fake signs the message whose digest it was given.
    return { Signature: sign('sha256', MESSAGE, privateKey) };
  };
  return { send } as Pick<KMSClient, 'send'>;
}

describe.each<[string, () => Promise<Signer>]>([
  ['a key file', async () => keySigner(keyFile().path)],
  ['KMS', async () => kmsSigner(fakeKms(), 'alias/receipts')],
])('a signature by %s', (_, make) => {
  it('fits the message and no other', async () => {
    const signature = await (await make()).sign(MESSAGE);

    expect(signatureFits(MESSAGE, signature, null)).toBe(true);
    expect(signatureFits(Buffer.concat([MESSAGE, Buffer.from(' ')]), signature, null)).toBe(false);
  });

  it('fits the key that made it and no other', async () => {
    const signature = await (await make()).sign(MESSAGE);

    expect(signatureFits(MESSAGE, signature, signature.publicKey)).toBe(true);
    expect(signatureFits(MESSAGE, signature, pemOf(keyFile().publicKey))).toBe(false);
  });

  it('does not fit when the key was swapped in it', async () => {
    const signature = await (await make()).sign(MESSAGE);

    expect(signatureFits(MESSAGE, { ...signature, publicKey: pemOf(keyFile().publicKey) }, null)).toBe(false);
  });
});

describe('signing', () => {
  it.each([
    ['a file that is not there', () => join(tempFolder(), 'none.pem')],
    ['a key of another type', () => keyFile('x25519').path],
    [
      'a file that is no key',
      () => {
        const path = join(tempFolder(), 'key.pem');
        writeFileSync(path, 'mine');
        return path;
      },
    ],
  ])('with %s is SIGNING_FAILED', async (_, path) => {
    await expect(keySigner(path())).rejects.toMatchObject({ code: 'SIGNING_FAILED' });
  });

  it('with a key that KMS does not know is SIGNING_FAILED', async () => {
    await expect(kmsSigner(fakeKms('none'), 'alias/none').sign(MESSAGE)).rejects.toMatchObject({
      code: 'SIGNING_FAILED',
      details: { name: 'NotFoundException' },
    });
  });

  it('is not done without a key, and not with two', async () => {
    expect(await receiptSigner({})).toBeNull();
    await expect(
      receiptSigner({ HPB_SIGNING_KEY: 'key.pem', HPB_SIGNING_KMS_KEY: 'alias/receipts' }),
    ).rejects.toMatchObject({ code: 'SETTINGS_INVALID' });
  });
});
