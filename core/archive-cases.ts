import { HpbError, type ErrorCode } from './errors.ts';
import { caseIdOf, type CaseId } from './layout.ts';
import { naturalOrder } from './natural-order.ts';

/** What keeps a member from being read, whatever it is called. */
export type MemberFault = 'link' | 'special' | 'encrypted' | 'too-large' | 'unsupported';

/** A member as the archive's directory tells of it; nothing of it is believed but that it is there. */
export interface ArchiveMember {
  /** Path as it stands in the archive, with `/`. */
  readonly name: string;
  readonly folder: boolean;
  /** Unpacked size that the archive states. */
  readonly bytes: number;
  readonly fault: MemberFault | null;
}

/** A case of an archive. */
export interface ArchiveCase {
  readonly caseId: CaseId;
  /** The caller's name of it, fit to be shown: for answers to the caller only. */
  readonly name: string;
  /** Index of the member that is its CT. */
  readonly member: number;
  readonly bytes: number;
  /** Why the CT is not read at all; null when it is to be read. */
  readonly error: HpbError | null;
}

/** A member that was left aside. */
export interface IgnoredMember {
  readonly name: string;
  readonly reason: string;
}

/** What an archive holds. */
export interface ArchiveContents {
  /** In the natural order of their names, which is that of their ids. */
  readonly cases: readonly ArchiveCase[];
  /** The first of what was left aside, in the order of the archive. */
  readonly ignored: readonly IgnoredMember[];
  readonly ignoredCount: number;
}

/** So many ignored members are named; the rest is counted. */
export const MOST_IGNORED = 100;

const LONGEST_NAME = 1024;
const LONGEST_SHOWN = 200;
const CT_NAME = /\.nii(\.gz)?$/i;
const RAW_NAME = /^raw(_0000)?\.nii(\.gz)?$/i;
const FLAT_NAME = /^(.+?)(_0000)?\.nii(\.gz)?$/is;

/** Why a member is left aside: the sentence for the caller, and what such members are called when counted. */
const IGNORED = {
  system: ['a file of an operating system', 'files of an operating system'],
  longName: [`its name is longer than ${LONGEST_NAME} characters`, 'files with a name too long'],
  archive: ['an archive inside the archive is not opened', 'archives inside it'],
  dicom: ['a DICOM file; convert the series with dcm2niix first', 'DICOM files'],
  other: ['not a CT: only .nii and .nii.gz are read', 'files that are not .nii or .nii.gz'],
  notRaw: [
    'not the CT of its folder: that is raw.nii.gz or raw_0000.nii.gz',
    'NIfTI files in folders without the name raw.nii.gz',
  ],
  tooDeep: [
    'too deep: a case is a folder with raw.nii.gz, inside one other folder at most',
    'NIfTI files in deeper folders',
  ],
  beside: ['the same case is read from another file beside it', 'files beside the CT of a case'],
} as const;
type IgnoredKind = keyof typeof IGNORED;

/** Whether a member's name is that of a CT, so that it may become a case. */
export const isCtName = (name: string): boolean => CT_NAME.test(name);

/**
 * Tells which members of an archive are cases: folders with `raw.nii.gz` or `raw_0000.nii.gz` (`.nii` likewise),
 * and NIfTI files that lie flat, both also inside one folder around everything. The same members give the same
 * cases with the same ids, whatever their order. What makes one case useless is an error of that case.
 *
 * @throws HpbError ARCHIVE_UNSAFE for a name that leads out of the archive, ARCHIVE_NO_CASES,
 * ARCHIVE_TOO_MANY_CASES
 */
export function findCases(members: readonly ArchiveMember[], maxCases: number): ArchiveContents {
  const ignored = new IgnoredList(members);
  const candidates = collectCandidates(members, ignored);
  const groups = groupCandidates(candidates, ignored);
  if (groups.length === 0) throw noCases(members, ignored);
  if (groups.length > maxCases)
    throw new HpbError(
      'ARCHIVE_TOO_MANY_CASES',
      `The archive holds ${groups.length} cases; at most ${maxCases} are taken at once.`,
      { remedy: 'Send several archives with fewer cases each.', details: { cases: groups.length, maxCases } },
    );
  const sameName = Map.groupBy(groups, ({ name }) => folded(name));
  const cases = groups
    .toSorted((a, b) => naturalOrder(a.name, b.name) || a.best.member - b.best.member)
    .map(({ name, best, twice }, at): ArchiveCase => {
      const ambiguous = twice || sameName.get(folded(name))!.length > 1;
      const error = ambiguous ? duplicateName() : best.fault === null ? null : faultError(best.fault);
      return { caseId: caseIdOf(at + 1), name, member: best.member, bytes: best.bytes, error };
    });
  return { cases, ...ignored.report() };
}

/** A NIfTI file of the archive that may be the CT of a case. */
interface Candidate {
  readonly member: number;
  readonly segments: readonly string[];
  readonly bytes: number;
  readonly fault: MemberFault | null;
}

interface Group {
  readonly name: string;
  readonly best: Candidate;
  /** Whether another member has just as good a claim to be the CT. */
  readonly twice: boolean;
}

class IgnoredList {
  readonly #members: readonly ArchiveMember[];
  readonly #named: IgnoredMember[] = [];
  readonly #counts = new Map<IgnoredKind, number>();
  #count = 0;

  constructor(members: readonly ArchiveMember[]) {
    this.#members = members;
  }

  add(member: number, kind: IgnoredKind): void {
    this.#count += 1;
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    if (this.#named.length < MOST_IGNORED)
      this.#named.push({ name: shownName(this.#members[member]!.name), reason: IGNORED[kind][0] });
  }

  report(): Pick<ArchiveContents, 'ignored' | 'ignoredCount'> {
    return { ignored: this.#named, ignoredCount: this.#count };
  }

  /** `12 DICOM files, 3 archives inside it`; the most frequent first. */
  summary(): string {
    return [...this.#counts]
      .toSorted(([, a], [, b]) => b - a)
      .map(([kind, count]) => `${count} ${IGNORED[kind][1]}`)
      .join(', ');
  }
}

function collectCandidates(members: readonly ArchiveMember[], ignored: IgnoredList): Candidate[] {
  const candidates: Candidate[] = [];
  for (const [member, { name, folder, bytes, fault }] of members.entries()) {
    const segments = safeSegments(name, member);
    if (folder) continue;
    const kind = ignoredKind(name, segments);
    if (kind === null) candidates.push({ member, segments, bytes, fault });
    else ignored.add(member, kind);
  }
  return candidates;
}

/** Nothing is ever written under a member's name; such a name still says that the archive means harm or is broken. */
function safeSegments(name: string, member: number): readonly string[] {
  const segments = name.split('/');
  const what = name.includes('\\')
    ? 'a backslash in its name'
    : name.startsWith('/') || /^[a-z]:/i.test(name)
      ? 'an absolute name'
      : segments.includes('..')
        ? 'a name that leads out of the archive (..)'
        : null;
  if (what !== null)
    throw new HpbError('ARCHIVE_UNSAFE', `Member ${member + 1} of the archive has ${what}.`, {
      remedy:
        'Pack the cases again from inside their folder: names must be relative, with / between folders.',
      details: { member: member + 1 },
    });
  return segments.filter((segment) => segment !== '' && segment !== '.');
}

function ignoredKind(name: string, segments: readonly string[]): IgnoredKind | null {
  const base = segments.at(-1) ?? '';
  if (name.length > LONGEST_NAME) return 'longName';
  const system = /^(__MACOSX$|\.|thumbs\.db$|desktop\.ini$)/i;
  if (segments.length === 0 || segments.some((segment) => system.test(segment))) return 'system';
  if (isCtName(base)) return null;
  if (/\.(zip|tar|tgz|tbz2?|txz|7z|rar|gz|bz2|xz|zst)$/i.test(base)) return 'archive';
  return /\.(dcm|dicom|ima)$/i.test(base) ? 'dicom' : 'other';
}

/** A NIfTI file in the place of a case's CT. */
interface Claim {
  readonly candidate: Candidate;
  readonly name: string;
  /** Files of one key are the same case; a flat file and a folder of one name stay apart. */
  readonly key: string;
  /** The least counts: what can be read, then `.nii.gz`, then the name without `_0000`. */
  readonly rank: number;
}

function groupCandidates(candidates: readonly Candidate[], ignored: IgnoredList): Group[] {
  const strip = hasWrapper(candidates) ? 1 : 0;
  const claims = candidates
    .map((candidate) => claimOf(candidate, candidate.segments.slice(strip), ignored))
    .filter((claim) => claim !== null);
  return [...Map.groupBy(claims, ({ key }) => key).values()].map((group) => {
    const [best, ...others] = group.toSorted((a, b) => a.rank - b.rank);
    const { name, rank, candidate } = best!;
    for (const other of others) if (other.rank !== rank) ignored.add(other.candidate.member, 'beside');
    return { name: shownName(name), best: candidate, twice: others.some((other) => other.rank === rank) };
  });
}

function claimOf(candidate: Candidate, path: readonly string[], ignored: IgnoredList): Claim | null {
  const base = path.at(-1)!;
  const [, stem, channel, gzip] = FLAT_NAME.exec(base)!;
  const rank = (candidate.fault === null ? 0 : 4) + (gzip ? 0 : 2) + (channel ? 1 : 0);
  if (path.length === 1) return { candidate, name: stem!, key: stem!, rank };
  if (path.length === 2 && RAW_NAME.test(base))
    return { candidate, name: path[0]!, key: `${path[0]!}/`, rank };
  ignored.add(candidate.member, path.length > 2 ? 'tooDeep' : 'notRaw');
  return null;
}

/** Whether one folder lies around everything and is no case itself. */
function hasWrapper(candidates: readonly Candidate[]): boolean {
  const first = candidates[0]?.segments[0];
  return candidates.every(
    ({ segments }) =>
      segments.length > 1 && segments[0] === first && !(segments.length === 2 && RAW_NAME.test(segments[1]!)),
  );
}

/** A name as it may be shown: no control or direction characters, of a bounded length, in one normal form. */
export function shownName(name: string): string {
  const clean = name.normalize('NFC').replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '?');
  return clean.length > LONGEST_SHOWN ? `${clean.slice(0, LONGEST_SHOWN - 1)}…` : clean;
}

const folded = (name: string): string => name.toLowerCase();

/** The refusal of a case that cannot be told from another. */
export function duplicateName(): HpbError {
  return new HpbError(
    'INPUT_DUPLICATE_NAME',
    'The batch holds this case more than once, or another whose name differs only in upper and lower case.',
    { remedy: 'Give every case a name of its own and keep one CT in each.' },
  );
}

const FAULTS: Readonly<Record<MemberFault, readonly [code: ErrorCode, what: string, remedy: string]>> = {
  link: [
    'ARCHIVE_UNSAFE',
    'The CT of this case is a link to another file.',
    'Pack the file itself, for example with `tar --dereference`.',
  ],
  special: [
    'ARCHIVE_UNSAFE',
    'The CT of this case is a device, a pipe or another special file.',
    'Pack a plain file.',
  ],
  encrypted: ['ARCHIVE_ENCRYPTED', 'The CT of this case is encrypted.', 'Pack it without a password.'],
  'too-large': [
    'ARCHIVE_TOO_LARGE',
    'The CT of this case would unpack to more than any CT that can be segmented, or far more than it is packed in.',
    'Check the file; crop the CT to the abdomen.',
  ],
  unsupported: [
    'ARCHIVE_UNREADABLE',
    'The CT of this case is packed by a method that we do not read.',
    'Pack it by the usual methods: deflate or stored in a ZIP, plain files in a tar.',
  ],
};

function faultError(fault: MemberFault): HpbError {
  const [code, message, remedy] = FAULTS[fault];
  return new HpbError(code, message, { remedy, details: { fault } });
}

function noCases(members: readonly ArchiveMember[], ignored: IgnoredList): HpbError {
  const files = members.filter(({ folder }) => !folder).length;
  const found =
    files === 0 ? 'The archive holds no file.' : `The archive holds no case: ${ignored.summary()}.`;
  return new HpbError('ARCHIVE_NO_CASES', found, {
    remedy: 'Pack one folder a case with raw.nii.gz in it, or the .nii.gz files themselves.',
    details: { files },
  });
}
