import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { bundleEdited, editSource } from '../support/edited-source.js'
import type { Attack } from './attack.js'
import { distanceOf, throughOf, type Verdict } from './verdict.js'

/** What became of an attack without its guard. */
export interface MutationResult {
  readonly attack: Attack
  /** null when it could not be played. */
  readonly verdict: Verdict | null
  readonly pass: boolean
  readonly why: string
}

const CHILD_TIMEOUT_MS = 120_000
const AT_ONCE = 2

/**
 * Takes the guard of each attack away and plays the attack again. That happens in a copy of the source, which is made,
 * changed and bundled anew for each set of edits, and run by a process of its own: the product has no switch for it.
 * A guard passes when the attack gets further without it, just as far as it says.
 */
export async function mutateAndRun(attacks: readonly Attack[]): Promise<MutationResult[]> {
  const copy = copySource()
  try {
    const byGuard = new Map<string, Attack[]>()
    for (const attack of attacks) {
      const name = JSON.stringify(attack.guard)
      byGuard.set(name, [...(byGuard.get(name) ?? []), attack])
    }
    const results = new Map<string, MutationResult>()
    const queue = [...byGuard.values()].entries()
    const work = async (): Promise<void> => {
      for (const [index, sharing] of queue)
        for (const result of await playWithout(copy, index, sharing)) results.set(result.attack.name, result)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    return attacks.flatMap(({ name }) => results.get(name) ?? [])
  } finally {
    rmSync(copy, { recursive: true })
  }
}

/** The folder above `package.json`, from the source as from the build. */
export function findProject(from: string = import.meta.dirname): string {
  for (let folder = from; folder !== dirname(folder); folder = dirname(folder))
    try {
      readFileSync(join(folder, 'package.json'))
      return folder
    } catch {
      // One further up.
    }
  throw new Error('no package.json above this file')
}

function copySource(): string {
  const project = findProject()
  const copy = mkdtempSync(join(tmpdir(), 'cs-attacks-'))
  for (const folder of ['src', 'device-sim', 'test/adversarial', 'test/support'])
    cpSync(join(project, folder), join(copy, folder), { recursive: true })
  symlinkSync(join(project, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

async function playWithout(copy: string, index: number, attacks: readonly Attack[]): Promise<MutationResult[]> {
  const failed = (why: string): MutationResult[] =>
    attacks.map((attack) => ({ attack, verdict: null, pass: false, why }))
  const [first] = attacks
  if (first === undefined) return []
  const texts = editSource(copy, first.guard)
  if (typeof texts === 'string') return failed(texts)
  try {
    const program = join(copy, `without-${index}.mjs`)
    await bundleEdited(copy, 'test/adversarial/play.ts', program, texts)
    const played = await play(program, attacks)
    return attacks.map((attack) =>
      judge(
        attack,
        played.find(({ name }) => name === attack.name),
      ),
    )
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error))
  }
}

/** What `play.ts` prints: one line for each attack. */
export interface Played {
  readonly name: string
  readonly verdict: Verdict
  readonly crash?: string
}

function play(program: string, attacks: readonly Attack[]): Promise<Played[]> {
  return new Promise((resolve, reject) => {
    const names = attacks.map(({ name }) => name)
    execFile(process.execPath, [program, ...names], { timeout: CHILD_TIMEOUT_MS }, (error, stdout, stderr) => {
      if (error !== null) {
        const how = error.signal ?? error.code ?? error.message
        reject(new Error(`the copy did not run (${how}): ${stderr.slice(-500)}`, { cause: error }))
      } else resolve(readPlayed(stdout))
    })
  })
}

const readPlayed = (stdout: string): Played[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Played)

function judge(attack: Attack, played: Played | undefined): MutationResult {
  if (played === undefined) return { attack, verdict: null, pass: false, why: 'it was not played' }
  const { verdict, crash } = played
  // A crash is an accident: it says nothing about who else would have stopped the attack.
  if (crash !== undefined) return { attack, verdict: null, pass: false, why: crash }
  const wanted = attack.unguarded ?? throughOf(attack.group)
  if (!isFurther(attack, verdict)) return { attack, verdict, pass: false, why: 'the guard makes no difference' }
  // Somewhere else than its author says: something nobody thought of stopped it, or did not.
  const why = `expected step ${wanted.step} ${wanted.code} without the guard`
  return { attack, verdict, pass: verdict.step === wanted.step && verdict.code === wanted.code, why }
}

/** Through; or stopped later; or at the same step by another guard. What has to get through must not. */
function isFurther({ expected, group }: Attack, without: Verdict): boolean {
  if (expected.code === 'CONFIRMED') return without.code !== 'CONFIRMED' && without.code !== 'NOTHING'
  // Nothing said is a freeze that nobody notices.
  if (without.code === 'CONFIRMED' || without.code === 'NOTHING') return true
  const [before, now] = [distanceOf(group, expected), distanceOf(group, without)]
  return now > before || (now === before && without.code !== expected.code)
}
