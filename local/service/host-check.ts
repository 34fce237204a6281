/**
 * Whether a `Host` header names this machine's loopback address at this port. A page of another site that a browser
 * on this machine has open can reach the port, but not under these names.
 */
export function isLoopbackHost(host: string, port: number): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].some(
    (name) => host.toLowerCase() === `${name}:${port}` || (port === 80 && host.toLowerCase() === name),
  );
}

/** Whether a `Host` header names the host of a URL. */
export function isHostOf(url: string): (host: string) => boolean {
  const { host: own } = new URL(url);
  return (host) => host.toLowerCase() === own;
}
