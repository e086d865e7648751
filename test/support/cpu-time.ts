const TRIES = 3

/** Processor time of this process, in milliseconds: what neighbours on the machine take does not count. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/**
 * What the work answers. Dear is what costs too much each time it is done: once it may load a module or collect garbage.
 * @throws with what `where` says, when every try took longer than the limit
 */
export async function withinCpuMs<Answer>(
  limitMs: number,
  work: () => Promise<Answer>,
  where: () => string,
): Promise<Answer> {
  let tookMs = 0
  for (let tries = 0; tries < TRIES; tries += 1) {
    const began = cpuMs()
    const answer = await work()
    tookMs = cpuMs() - began
    if (tookMs <= limitMs) return answer
  }
  throw new Error(`took ${tookMs} ms: ${where()}`)
}
