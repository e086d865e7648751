import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Refusal } from '../domain/refusal.js'
import { requireProgramFile } from './program-file.js'
import { requirePackageFile } from './system-package.js'

const run = promisify(execFile)

/** Debian and Ubuntu (one path for all processors, older releases one each), Fedora, Homebrew. */
const MODULE_PATHS = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
]

/** Where the PKCS#11 module of SoftHSM is. @throws Refusal `PACKAGE_MISSING`. */
export const requireSoftTokenModule = (): string => requirePackageFile(MODULE_PATHS, 'softhsm2')

/** One software token in a folder of its own, as its user needs it. */
export interface SoftToken {
  readonly modulePath: string
  readonly label: string
  /** What the environment variable `SOFTHSM2_CONF` of the process that uses it has to say. */
  readonly configurationFile: string
  readonly userPinFile: string
  /** The security officer's PIN: for a locked user PIN, never for the process that signs. */
  readonly securityPinFile: string
}

/**
 * Makes a SoftHSM token with random PINs in `folder`, or finds the one that was made there before.
 * The token is made by a short process of its own: SoftHSM reads its configuration once a process, and the PINs pass
 * through files, because arguments and environments can be read by others.
 * @throws Refusal `PACKAGE_MISSING`, `TOKEN_FAILED`
 */
export async function makeSoftToken(folder: string, label: string): Promise<SoftToken> {
  const token: SoftToken = {
    modulePath: requireSoftTokenModule(),
    label,
    configurationFile: join(folder, 'softhsm2.conf'),
    userPinFile: join(folder, 'user.pin'),
    securityPinFile: join(folder, 'security.pin'),
  }
  const mark = join(folder, 'initialised')
  if (existsSync(mark)) return token
  const tokens = join(folder, 'tokens')
  await mkdir(tokens, { recursive: true, mode: 0o700 })
  const secret = { mode: 0o600 }
  await writeFile(token.configurationFile, configuration(tokens), secret)
  await writeFile(token.userPinFile, newPin(), secret)
  await writeFile(token.securityPinFile, newPin(), secret)
  const initialiser = requireProgramFile('src/embedded/soft-token-initialiser')
  try {
    await run(process.execPath, [initialiser, token.modulePath, label, token.securityPinFile, token.userPinFile], {
      env: { SOFTHSM2_CONF: token.configurationFile },
    })
  } catch (error) {
    const why = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1) ?? 'unknown'
    throw new Refusal('TOKEN_FAILED', { step: 'make a software token', why }, { cause: error })
  }
  await writeFile(mark, '')
  return token
}

/** softhsm2.conf(5). */
const configuration = (tokens: string): string =>
  `directories.tokendir = ${tokens}
objectstore.backend = file
objectstore.umask = 0077
log.level = ERROR
slots.removable = false
slots.mechanisms = ALL
`

const newPin = (): string => `${randomBytes(16).toString('hex')}\n`
