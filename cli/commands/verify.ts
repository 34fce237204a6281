import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { fileError } from '../../adapters/file-error.ts';
import { readNifti } from '../../adapters/nifti-file.ts';
import { commandExit, type ErrorCode } from '../../core/errors.ts';
import { jsonLine, printable } from '../../local/text.ts';
import {
  verifyResult,
  type VerifiedBatch,
  type VerifiedCase,
  type VerifyOptions,
} from '../../local/verify-result.ts';
import type { CommandContext } from '../context.ts';

interface VerifyArguments {
  readonly key?: string;
  readonly ct?: string;
  readonly json?: true;
}

/** Files of a batch that are named; more of them are counted. */
const NAMES_SHOWN = 10;

const HELP = `
Exit codes: 0 everything is as the receipt says, 5 something differs, 3 in some cases of a batch or only in what it holds
beside them, 2 no result that can be read.

The receipt of a batch, which is about its table, index and manifest and the receipts of its cases, is not signed: --key
vouches for the cases.

Examples:
  hpb verify scan_results.zip
  hpb verify hpb-results/scan --ct scan.nii.gz
  hpb verify results.zip --key public.pem       only results signed with that key pass
`;

/** `hpb verify`: checks results against their receipts and says what differs. */
export function registerVerify(program: Command, context: CommandContext): void {
  program
    .command('verify')
    .description('Check every file of a result against its receipt: what is missing, changed or was added.')
    .argument('<result>', 'results ZIP of a case or a batch, or the folder that it was unpacked to')
    .option('--key <pem>', 'public key that the receipts must be signed with')
    .option('--ct <file>', 'CT that the result must be of')
    .option('--json', 'print one JSON document a case, and one for a batch')
    .addHelpText('after', HELP)
    .action(async (path: string, options: VerifyArguments) => {
      const { cases, batch } = await verifyResult(path, await verifyOptions(options));
      for (const one of cases) context.stdout.write(options.json ? jsonLine(one) : verifiedText(one));
      if (batch !== null) context.stdout.write(options.json ? jsonLine({ batch }) : batchText(batch));
      const checked = batch === null || batch.ok ? cases : [...cases, batch];
      const outcomes = checked.map(({ ok }): ErrorCode | 'ok' => (ok ? 'ok' : 'RESULT_ALTERED'));
      context.exitCode = commandExit(outcomes);
    });
}

async function verifyOptions({ key, ct }: VerifyArguments): Promise<VerifyOptions> {
  const pem =
    key === undefined
      ? null
      : await readFile(key, 'utf8').catch((error: unknown) => {
          throw fileError(error);
        });
  return { key: pem, inputSha256: ct === undefined ? null : (await readNifti(ct)).sha256 };
}

function verifiedText({ case: name, ok, files, contentSha256, signature, problems }: VerifiedCase): string {
  const prefix = name === null ? '' : `${printable(name)}: `;
  const signed =
    signature === null
      ? 'not signed'
      : `signed (${signature.algorithm}, key ${signature.keyId.slice(0, 16)}, ${signature.trusted ? 'the key given' : 'a key that nobody vouched for: give it with --key'})`;
  if (ok) return `${prefix}ok: ${files} files as the receipt says, ${signed}\n  content ${contentSha256}\n`;
  return `${prefix}DIFFERS in ${problems.length}, ${signed}\n${problemsText(problems)}`;
}

function batchText({ files, withoutReceipt, problems }: VerifiedBatch): string {
  const names = withoutReceipt.slice(0, NAMES_SHOWN).map(printable);
  const more = withoutReceipt.length - names.length;
  const listed = [...names, ...(more > 0 ? [`${more} more`] : [])].join(', ');
  const unchecked = names.length === 0 ? '' : `Of no case, so in no receipt and not checked: ${listed}\n`;
  if (problems.length > 0) return `The batch DIFFERS\n${problemsText(problems)}${unchecked}`;
  return files === null ? unchecked : `The batch: ok, ${files} files as its own receipt says, not signed\n`;
}

const problemsText = (problems: VerifiedCase['problems']): string =>
  problems
    .map(
      ({ what, name, expected, found }) =>
        `  ${what}: ${printable(name)}\n    expected ${printable(expected)}\n    found    ${printable(found)}\n`,
    )
    .join('');
