import definition from '../core/workflow.asl.json' with { type: 'json' };
import { HpbError } from '../core/errors.ts';
import type { WORKFLOW_PLACEHOLDERS } from '../core/workflow.ts';

/** What stands in the workflow for the things of one home: queues, functions, the bucket. */
export type WorkflowSubstitutions = Readonly<Record<(typeof WORKFLOW_PLACEHOLDERS)[number], string>>;

/** One state of a definition, in the fields that are read here; every other field goes through unchanged. */
export interface StateDefinition {
  readonly Type: string;
  readonly Resource?: string;
  readonly Parameters?: Readonly<Record<string, unknown>>;
  readonly TimeoutSeconds?: number;
  readonly TimeoutSecondsPath?: string;
  readonly ItemReader?: ItemReader;
  readonly ItemProcessor?: MachineDefinition;
  readonly [field: string]: unknown;
}

/** A state machine, or the part of it that a Map repeats. */
export interface MachineDefinition {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, StateDefinition>>;
  readonly [field: string]: unknown;
}

interface ItemReader {
  readonly Resource: string;
  readonly Parameters: Readonly<Record<string, unknown>>;
}

/** Parameter of every Task of the local definition: the longest time that its handler may take, s. */
export const LOCAL_TIMEOUT = 'TimeoutSeconds';

/** Where the items of a Map stand in its input. */
const ITEMS_PATH = '$._items';
/** The interpreter's own limit, never reached: the longest that a timer of Node can wait, s. */
const NEVER_SECONDS = 2_147_483;

/** The workflow as it stands in core/workflow.asl.json, placeholders included. */
export const rawWorkflow: MachineDefinition = definition;

/**
 * The workflow with its placeholders filled in.
 *
 * @throws HpbError SETTINGS_INVALID naming a placeholder that has no value.
 */
export function workflowDefinition(substitutions: WorkflowSubstitutions): MachineDefinition {
  const values: Readonly<Record<string, string | undefined>> = substitutions;
  const fill = (text: string): string =>
    text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
      const value = values[name];
      if (value === undefined) throw unknownPlaceholder(name);
      return value;
    });
  return deepMap(rawWorkflow, fill) as MachineDefinition;
}

/**
 * The same workflow as the interpreter of the laptop can run it. Two things are moved into Task states, whose
 * handlers then do them: reading the items of a Map (state `<Map>.ReadItems`, its resource is the reader's), and
 * timeouts (parameter `LOCAL_TIMEOUT`), since the interpreter leaves a task running that has taken too long.
 */
export function localDefinition(machine: MachineDefinition): MachineDefinition {
  const readers = new Map(
    Object.entries(machine.States).flatMap(([name, { ItemReader }]) =>
      ItemReader === undefined ? [] : [[name, readerName(name)] as const],
    ),
  );
  const redirect = (name: string): string => readers.get(name) ?? name;
  const states = Object.entries(machine.States).flatMap(([name, state]) => {
    const own = localState(redirected(state, redirect));
    const { ItemReader, ...map } = own;
    if (ItemReader === undefined) return [[name, own] as const];
    return [
      [readerName(name), readerState(name, ItemReader, map)] as const,
      [name, { ...map, ItemsPath: ITEMS_PATH }] as const,
    ];
  });
  return { ...machine, StartAt: redirect(machine.StartAt), States: Object.fromEntries(states) };
}

/** Names of all Task states of a definition, those inside Maps included. */
export function taskStates(machine: MachineDefinition): readonly string[] {
  return Object.entries(machine.States).flatMap(([name, { Type, ItemProcessor }]) => [
    ...(Type === 'Task' ? [name] : []),
    ...(ItemProcessor === undefined ? [] : taskStates(ItemProcessor)),
  ]);
}

/** Name of the Task state that reads the items of a Map for the interpreter of the laptop. */
export const readerName = (map: string): string => `${map}.ReadItems`;

function readerState(map: string, reader: ItemReader, { Catch }: StateDefinition): StateDefinition {
  return localState({
    Type: 'Task',
    Resource: reader.Resource,
    Parameters: reader.Parameters,
    ResultPath: ITEMS_PATH,
    // In AWS a reader that fails is a Map that fails.
    ...(Catch === undefined ? {} : { Catch }),
    Next: map,
  });
}

function localState(state: StateDefinition): StateDefinition {
  if (state.ItemProcessor !== undefined)
    return { ...state, ItemProcessor: localDefinition(state.ItemProcessor) };
  if (state.Type !== 'Task') return state;
  const { TimeoutSeconds, TimeoutSecondsPath, ...task } = state;
  const limit =
    TimeoutSecondsPath === undefined
      ? { [LOCAL_TIMEOUT]: TimeoutSeconds ?? NEVER_SECONDS }
      : { [`${LOCAL_TIMEOUT}.$`]: TimeoutSecondsPath };
  return { ...task, Parameters: { ...task.Parameters, ...limit }, TimeoutSeconds: NEVER_SECONDS };
}

/** The state with every transition, those of choices and catchers included, sent through `redirect`. */
function redirected(state: StateDefinition, redirect: (name: string) => string): StateDefinition {
  const step = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(step);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([field, inner]) => {
        if (field === 'Next' || field === 'Default') return [field, redirect(String(inner))];
        return [field, field === 'Choices' || field === 'Catch' ? step(inner) : inner];
      }),
    );
  };
  return step(state) as StateDefinition;
}

function deepMap(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((one) => deepMap(one, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, deepMap(one, change)]));
}

function unknownPlaceholder(name: string): HpbError {
  return new HpbError('SETTINGS_INVALID', `The workflow's placeholder \${${name}} has no value.`, {
    remedy: 'Give every name of WORKFLOW_PLACEHOLDERS (core/workflow.ts) a value.',
    details: { name },
  });
}
