/** Processor time of this process, in milliseconds: what neighbours on the machine take does not count. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
