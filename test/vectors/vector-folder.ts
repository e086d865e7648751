import { existsSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const beside = fileURLToPath(new URL('../../../shared/vectors', import.meta.url))

/** The folder of public vectors: COUNTERSIGN_VECTORS, else `../shared/vectors` beside the project. */
const folder = process.env['COUNTERSIGN_VECTORS'] ?? beside

/**
 * Whether the public vectors of one kind are there. When not, one line says so and our own vectors run alone:
 * that is no skipped test.
 */
export function hasPublicVectors(kind: string): boolean {
  const isThere = existsSync(join(folder, kind))
  // Straight to standard error: Jest would put a stack trace under a console line.
  if (!isThere) writeSync(2, `public vectors "${kind}" are absent (COUNTERSIGN_VECTORS names their folder)\n`)
  return isThere
}

/** Every file of a kind, so that none is left out by who names them. */
export const vectorNames = (kind: string): string[] => readdirSync(join(folder, kind)).toSorted()

export const vectorPath = (kind: string, name: string): string => join(folder, kind, name)
export const readVectorText = (kind: string, name: string): string => readFileSync(vectorPath(kind, name), 'utf8')
export const readVectorJson = <T>(kind: string, name: string): T => JSON.parse(readVectorText(kind, name)) as T
