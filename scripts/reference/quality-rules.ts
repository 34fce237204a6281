import { QUALITY_RULES } from '../../core/results/quality.ts';
import { code, page, table } from './markdown.ts';

/** docs/reference/quality-rules.md: the rules behind the verdict in metadata.json. */
export function qualityRulesPage(): string {
  return page(
    'Quality rules',
    'The verdict of a case is the worst finding: `reject`, else `review`, else `ok`.',
    table(
      ['code', 'verdict', 'meaning', 'fine is', 'source'],
      QUALITY_RULES.map(({ code: name, verdict, message, bound, source }) => [
        code(name),
        code(verdict),
        message,
        bound === 1 ? 'at least 1 voxel' : bound,
        source,
      ]),
    ),
  );
}
