import validate from 'asl-validator';
import { describe, expect, it } from 'vitest';
import { LOCAL_SUBSTITUTIONS } from '../../adapters/local-states.ts';
import {
  localDefinition,
  rawWorkflow,
  taskStates,
  workflowDefinition,
} from '../../adapters/workflow-definition.ts';
import { FUNCTION_STATES, WORKER_STATES, WORKFLOW_PLACEHOLDERS } from '../../core/workflow.ts';

describe('the file', () => {
  it.each([
    ['as it is deployed', rawWorkflow],
    ['as the laptop runs it', localDefinition(workflowDefinition(LOCAL_SUBSTITUTIONS))],
  ])('is a valid state machine %s', (_, definition) => {
    const { isValid, errorsText } = validate(definition, { checkArn: false, checkPaths: true });

    expect({ isValid, errors: isValid ? '' : errorsText('\n') }).toEqual({ isValid: true, errors: '' });
  });

  it('has the Task states that core/workflow.ts names', () => {
    expect(new Set(taskStates(rawWorkflow))).toEqual(new Set([...FUNCTION_STATES, ...WORKER_STATES]));
  });

  it('has the placeholders that core/workflow.ts names', () => {
    const found = JSON.stringify(rawWorkflow).matchAll(/\$\{(\w+)\}/g);

    expect(new Set([...found].map(([, name]) => name))).toEqual(new Set(WORKFLOW_PLACEHOLDERS));
  });

  it('gives of a shard its number alone: a Map gathers what its children give, 256 KB at most', () => {
    const { States } = rawWorkflow as unknown as {
      readonly States: {
        readonly SegmentCases: {
          readonly ItemProcessor: { readonly States: Readonly<Record<string, object>> };
        };
      };
    };
    const { RecordShardFailure, ShardDone } = States.SegmentCases.ItemProcessor.States;

    expect(RecordShardFailure).toMatchObject({ ResultPath: '$.recorded', Next: 'ShardDone' });
    expect(ShardDone).toMatchObject({ Parameters: { 'shard.$': '$.ordinal' }, End: true });
  });
});
