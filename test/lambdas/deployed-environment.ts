/** What a stack tells the functions; to be imported before them. No test calls AWS: ports are those of the test. */
Object.assign(process.env, {
  AWS_REGION: 'us-east-1',
  HPB_STAGE: 'test',
  HPB_JOBS_BUCKET: 'jobs',
  HPB_INGEST_BUCKET: 'ingest',
  HPB_INGEST_QUEUE_URL: 'https://sqs.us-east-1.amazonaws.com/000000000000/dropped',
  HPB_MODELS_BUCKET: 'models',
  HPB_VIEWER_BUCKET: 'viewer',
  HPB_EVENT_BUS: 'default',
  HPB_WORKER_LOG_GROUP: '/hpb/test/worker',
  HPB_STATE_MACHINE_ARN: 'arn:aws:states:us-east-1:000000000000:stateMachine:hpb-test',
});
