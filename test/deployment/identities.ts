import {
  ADMINISTRATOR,
  ACCOUNT,
  elements,
  query,
  type Access,
  type EmulatedAccount,
} from './emulated-account.ts';

/** A user of the account who may do what a policy says. */
export async function userWith(account: EmulatedAccount, name: string, policy: object): Promise<Access> {
  await query(account, 'iam', { Action: 'CreateUser', UserName: name });
  await query(account, 'iam', {
    Action: 'PutUserPolicy',
    UserName: name,
    PolicyName: 'all',
    PolicyDocument: JSON.stringify(policy),
  });
  return accessIn(await query(account, 'iam', { Action: 'CreateAccessKey', UserName: name }));
}

/** Takes on a role of a stack, as the service does that it is for. */
export async function inRole(account: EmulatedAccount, role: string): Promise<Access> {
  const trusting = {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: 'sts:AssumeRole' },
    ],
  };
  await query(account, 'iam', {
    Action: 'UpdateAssumeRolePolicy',
    RoleName: role,
    PolicyDocument: JSON.stringify(trusting),
  });
  const RoleArn = `arn:aws:iam::${ACCOUNT}:role/${role}`;
  return accessIn(await query(account, 'sts', { Action: 'AssumeRole', RoleArn, RoleSessionName: 'test' }));
}

function accessIn(xml: string): Access {
  const [accessKeyId = ADMINISTRATOR.accessKeyId] = elements(xml, 'AccessKeyId');
  const [secretAccessKey = ''] = elements(xml, 'SecretAccessKey');
  const [sessionToken] = elements(xml, 'SessionToken');
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

/** The name that CloudFormation gave the one resource of a stack whose logical id is this, but for its hash. */
export async function physicalName(
  account: EmulatedAccount,
  stack: string,
  logicalId: string,
): Promise<string> {
  const xml = await query(account, 'cloudformation', { Action: 'DescribeStackResources', StackName: stack });
  const ids = elements(xml, 'LogicalResourceId');
  const at = ids.findIndex(
    (id) => id.startsWith(logicalId) && /^[0-9A-F]{8}$/.test(id.slice(logicalId.length)),
  );
  const name = elements(xml, 'PhysicalResourceId')[at];
  if (name === undefined) throw new Error(`${stack} has no ${logicalId}.`);
  return name;
}

interface Statement {
  readonly Action: string | readonly string[];
}

/** Takes actions out of the policy of a role until it is given back. */
export async function withoutActions<T>(
  account: EmulatedAccount,
  policy: string,
  actions: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  const PolicyArn = policy;
  const [VersionId = ''] = elements(
    await query(account, 'iam', { Action: 'GetPolicy', PolicyArn }),
    'DefaultVersionId',
  );
  const xml = await query(account, 'iam', { Action: 'GetPolicyVersion', PolicyArn, VersionId });
  const document = JSON.parse(decodeURIComponent(elements(xml, 'Document')[0]!)) as {
    Statement: Statement[];
  };
  const kept = document.Statement.map((statement) => ({
    ...statement,
    Action: [statement.Action].flat().filter((action) => !actions.includes(action)),
  })).filter(({ Action }) => Action.length > 0);
  const write = (Statement: readonly Statement[]): Promise<string> =>
    query(account, 'iam', {
      Action: 'CreatePolicyVersion',
      PolicyArn,
      PolicyDocument: JSON.stringify({ ...document, Statement }),
      SetAsDefault: 'true',
    });
  const [reduced = ''] = elements(await write(kept), 'VersionId');
  try {
    return await work();
  } finally {
    await write(document.Statement);
    for (const superseded of [VersionId, reduced])
      await query(account, 'iam', { Action: 'DeletePolicyVersion', PolicyArn, VersionId: superseded });
  }
}
