import { createHash, createPublicKey } from 'node:crypto';
import { GetPublicKeyCommand, KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { HpbError } from '../core/errors.ts';
import type { Signer } from '../core/signer-port.ts';
import { keyIdOf, pemOf } from './key-signer.ts';

/**
 * Signs with a key of KMS (ECC_NIST_P256, SIGN_VERIFY), which never leaves it. The public key is fetched once.
 *
 * @param keyId Id, ARN or alias. Needs kms:Sign and kms:GetPublicKey.
 */
export function kmsSigner(client: Pick<KMSClient, 'send'>, keyId: string): Signer {
  let known: Promise<{ readonly keyId: string; readonly publicKey: string }> | undefined;
  return {
    sign: async (message) => {
      try {
        const key = await (known ??= publicKey(client, keyId));
        const answer = await client.send(
          new SignCommand({
            KeyId: keyId,
            // A receipt may be longer than the 4096 bytes that KMS hashes itself.
            Message: createHash('sha256').update(message).digest(),
            MessageType: 'DIGEST',
            SigningAlgorithm: 'ECDSA_SHA_256',
          }),
        );
        const signature = Buffer.from(answer.Signature!).toString('base64');
        return { algorithm: 'ECDSA-P256-SHA256', ...key, signature };
      } catch (cause) {
        known = undefined;
        const name = cause instanceof Error ? cause.name : 'unknown';
        throw new HpbError('SIGNING_FAILED', `KMS did not sign the receipt (${name}).`, {
          remedy:
            'The key must be of type ECC_NIST_P256 for SIGN_VERIFY, and the worker be allowed kms:Sign and kms:GetPublicKey on it.',
          details: { name },
          cause,
        });
      }
    },
  };
}

/** A signer with a client of its own, in the region of the environment. */
export const kmsSignerOf = (keyId: string): Signer => kmsSigner(new KMSClient({}), keyId);

async function publicKey(
  client: Pick<KMSClient, 'send'>,
  keyId: string,
): Promise<{ readonly keyId: string; readonly publicKey: string }> {
  const { PublicKey } = await client.send(new GetPublicKeyCommand({ KeyId: keyId }));
  const key = createPublicKey({ key: Buffer.from(PublicKey!), format: 'der', type: 'spki' });
  return { keyId: keyIdOf(key), publicKey: pemOf(key) };
}
