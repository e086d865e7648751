import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** One row of the system's process table. A pid alone is not an identity: the system uses them again. */
export interface ProcessRow {
  readonly pid: number
  readonly parentPid: number
  readonly name: string
  /** Clock ticks since the machine started; with the pid it names one process for ever. */
  readonly startTicks: number
  /** A zombie holds nothing but its exit code. */
  readonly isZombie: boolean
}

/** Every process this user may see. Empty where there is no /proc (macOS). */
export function listProcesses(): ProcessRow[] {
  if (!existsSync('/proc/self/stat')) return []
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((entry) => findProcess(Number(entry)))
    .filter((row) => row !== null)
}

/** @returns null when there is no such process. */
export function findProcess(pid: number): ProcessRow | null {
  const text = readOrNull(`/proc/${pid}/stat`)
  if (text === null) return null
  // proc(5): the name is in brackets and may itself hold blanks and brackets.
  const nameEnd = text.lastIndexOf(')')
  const fields = text.slice(nameEnd + 2).split(' ')
  return {
    pid,
    name: text.slice(text.indexOf('(') + 1, nameEnd),
    isZombie: fields[0] === 'Z',
    parentPid: Number(fields[1]),
    startTicks: Number(fields[19]),
  }
}

/** The processes named, those they started, and so on. */
export function withDescendants(rows: readonly ProcessRow[], roots: ReadonlySet<number>): ProcessRow[] {
  const wanted = new Set(roots)
  const children = new Map<number, number[]>()
  for (const row of rows) children.set(row.parentPid, [...(children.get(row.parentPid) ?? []), row.pid])
  // A set that grows while it is walked is walked to its new end.
  for (const pid of wanted) (children.get(pid) ?? []).forEach((child) => wanted.add(child))
  return rows.filter((row) => wanted.has(row.pid))
}

/** Resident memory; 0 when the process has ended meanwhile. */
export function rssBytes(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readOrNull(`/proc/${pid}/status`) ?? '')?.[1]
  return kibibytes === undefined ? 0 : Number(kibibytes) * 1024
}

/** Whether the process was started with `name=value` in its environment. */
export function hasEnvironment(pid: number, name: string, value: string): boolean {
  return (readOrNull(`/proc/${pid}/environ`) ?? '').split('\0').includes(`${name}=${value}`)
}

/** A process may end, or belong to somebody else, between the listing and the reading. */
function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
