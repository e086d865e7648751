import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { sha256, utf8 } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { writeFileAtomically } from './atomic-file.js'
import { errnoOf } from './errno.js'

const MAX_CHARACTERS = 1_024

/**
 * SHA-256 of the name of this host. The name stands beside the state and not in it, so that state alone, carried elsewhere,
 * meets another one.
 * @param stateFolder the file is `<stateFolder>.host`, filled with chance at the first start, unless `file` names another:
 *   the host's own /etc/machine-id for instance, which is only read.
 * @throws Refusal `CONFIGURATION` when the file that was named is missing or empty, `SIGNER_STORAGE`.
 */
export function hostSha256(stateFolder: string, file: string | undefined): Uint8Array {
  const found = findName(file ?? `${stateFolder}.host`)
  if (found !== null) return sha256(utf8(found))
  if (file !== undefined)
    throw new Refusal('CONFIGURATION', { name: 'SIGNER_HOST_ID_FILE', why: `${file} says nothing` })
  const made = randomBytes(32).toString('hex')
  try {
    writeFileAtomically(`${stateFolder}.host`, utf8(`${made}\n`), 0o600)
  } catch (error) {
    throw unusable(`${stateFolder}.host`, error)
  }
  return sha256(utf8(made))
}

function findName(path: string): string | null {
  try {
    const text = readFileSync(path, 'utf8').trim()
    return text === '' || text.length > MAX_CHARACTERS ? null : text
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null
    throw unusable(path, error)
  }
}

const unusable = (path: string, error: unknown): Refusal =>
  new Refusal('SIGNER_STORAGE', { why: `${path}: ${errnoOf(error) ?? 'failed'}` }, { cause: error })
