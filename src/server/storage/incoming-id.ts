/** Names of uploads are ours; one that came from outside would be a fault of the server, and never becomes a path. */
export function requireIncomingId(id: string): string {
  if (!/^[a-z0-9][a-z0-9.-]{0,79}$/.test(id) || id.includes('..')) throw new RangeError('not a name of an upload')
  return id
}
