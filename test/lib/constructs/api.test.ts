import { describe, expect, it } from 'vitest';
import { resourceOf, resourcesOf, stacksOf } from '../../fixtures/stacks.ts';

const { service } = stacksOf({ stage: 'prod' });

describe('the API', () => {
  it('takes signed calls only', () => {
    const methods = Object.values(resourcesOf(service, 'AWS::ApiGateway::Method'));

    expect(methods).toHaveLength(2);
    for (const { Properties: method } of methods) expect(method.AuthorizationType).toBe('AWS_IAM');
  });

  it('is throttled, traced, and logs neither paths nor bodies', () => {
    const stage = resourceOf(service, 'AWS::ApiGateway::Stage').Properties;

    expect(stage.MethodSettings).toEqual([
      expect.objectContaining({ ThrottlingRateLimit: 20, ThrottlingBurstLimit: 40, DataTraceEnabled: false }),
    ]);
    expect(stage.TracingEnabled).toBe(true);
    expect(stage.AccessLogSetting.Format).not.toMatch(/context\.path|querystring|body/i);
  });

  it('has made the log that the gateway opens by itself, which would be kept for ever and not under our key', () => {
    const own = Object.entries(resourcesOf(service, 'AWS::Logs::LogGroup')).find(([, { Properties }]) =>
      JSON.stringify(Properties.LogGroupName ?? '').includes('API-Gateway-Execution-Logs_'),
    );
    const api = Object.keys(resourcesOf(service, 'AWS::ApiGateway::RestApi'))[0]!;

    expect(own?.[1].Properties).toMatchObject({
      LogGroupName: { 'Fn::Join': ['', ['API-Gateway-Execution-Logs_', { Ref: api }, '/prod']] },
      RetentionInDays: 365,
      KmsKeyId: expect.anything(),
    });
    expect(resourceOf(service, 'AWS::ApiGateway::Stage')['DependsOn']).toContain(own![0]);
  });

  it('answers as a problem document also where the gateway itself answers', () => {
    const answers = Object.values(resourcesOf(service, 'AWS::ApiGateway::GatewayResponse'));

    for (const { Properties: answer } of answers) {
      const problem = JSON.parse(answer.ResponseTemplates['application/json']);
      expect(problem).toMatchObject({ type: 'about:blank', status: Number(answer.StatusCode) });
      expect(answer.ResponseParameters['gatewayresponse.header.content-type']).toBe(
        "'application/problem+json'",
      );
    }
    expect(answers.map(({ Properties: { ResponseType } }) => ResponseType)).toEqual(
      expect.arrayContaining(['THROTTLED', 'DEFAULT_4XX', 'DEFAULT_5XX', 'MISSING_AUTHENTICATION_TOKEN']),
    );
  });

  it.each([
    ['prod', 1],
    ['dev', 0],
  ])('of %s has %i firewall', (stage, firewalls) => {
    const { service: one } = stacksOf({ stage });

    expect(Object.keys(resourcesOf(one, 'AWS::WAFv2::WebACLAssociation'))).toHaveLength(firewalls);
  });

  it('keeps out of the log of its firewall what a caller may have put a name into', () => {
    const { RedactedFields } = resourceOf(service, 'AWS::WAFv2::LoggingConfiguration').Properties;

    // A key may be the number of an examination: the firewall logs all headers that it is not told to leave out.
    const headers = ['authorization', 'x-amz-security-token', 'idempotency-key'];
    expect(RedactedFields).toEqual(
      expect.arrayContaining([
        { UriPath: {} },
        { QueryString: {} },
        ...headers.map((Name) => ({ SingleHeader: { Name } })),
      ]),
    );
  });

  it('names the log of its firewall without the ending that WAF refuses', () => {
    const { LogDestinationConfigs } = resourceOf(service, 'AWS::WAFv2::LoggingConfiguration').Properties;

    expect(JSON.stringify(LogDestinationConfigs)).toMatch(
      /:log-group:",\{"Ref":"ApiFirewallLogs\w+"\}\]\]\}\]$/,
    );
  });
});
