import pkcs11js from 'pkcs11js'
import { Refusal } from '../domain/refusal.js'
import { CKF, CKR } from './cryptoki.js'
import { findCryptokiResult } from './token-failure.js'

export type Cryptoki = InstanceType<typeof pkcs11js.PKCS11>
export type Handle = pkcs11js.Handle
export type Template = pkcs11js.Template

/** A loaded PKCS#11 module. Whoever opened it releases it once. */
export interface CryptokiModule {
  readonly cryptoki: Cryptoki
  /**
   * Ends the module and starts it anew: some find a token that was put back, or a service that came back, in no other way.
   * @returns false where that is not ours to do: the module has other users, or somebody else started it.
   * @throws Refusal `TOKEN_MODULE` when it does not start; it may be tried again.
   */
  restart(): boolean
  release(): void
}

/** Opens the module at a path; a test hands in one that follows a script. */
export type OpenModule = (path: string) => CryptokiModule

interface LoadedModule {
  readonly cryptoki: Cryptoki
  readonly ownsInitialization: boolean
  users: number
}

/** C_Initialize and C_Finalize act on the whole process (PKCS#11 §5.4), so users of one module share it and are counted. */
const loaded = new Map<string, LoadedModule>()

/**
 * Loads and initialises the module at `path`.
 * SoftHSM reads `SOFTHSM2_CONF` here and nowhere later: set it before the first user opens the module.
 * @throws Refusal `TOKEN_MODULE` when the file is missing, is no PKCS#11 module, or does not start.
 */
export function openModule(path: string): CryptokiModule {
  const entry = loaded.get(path) ?? load(path)
  loaded.set(path, entry)
  entry.users += 1
  let released = false
  return {
    cryptoki: entry.cryptoki,
    restart: () => {
      if (released || entry.users > 1 || !entry.ownsInitialization) return false
      finalize(entry.cryptoki)
      initialize(entry.cryptoki)
      return true
    },
    release: () => {
      if (released) return
      released = true
      entry.users -= 1
      if (entry.users > 0) return
      loaded.delete(path)
      // The library stays mapped: unloading one that registered exit handlers ends the process badly.
      if (entry.ownsInitialization) finalize(entry.cryptoki)
    },
  }
}

function load(path: string): LoadedModule {
  const cryptoki = new pkcs11js.PKCS11()
  try {
    cryptoki.load(path)
  } catch (error) {
    throw new Refusal('TOKEN_MODULE', { step: 'load the PKCS#11 module', why: firstLine(error) }, { cause: error })
  }
  return { cryptoki, ownsInitialization: initialize(cryptoki), users: 0 }
}

/** @returns false when another thread of this process started it and will end it. */
function initialize(cryptoki: Cryptoki): boolean {
  try {
    cryptoki.C_Initialize({ flags: CKF.OS_LOCKING_OK })
    return true
  } catch (error) {
    const result = findCryptokiResult(error)
    if (result?.code === CKR.CRYPTOKI_ALREADY_INITIALIZED) return false
    const why = result?.name ?? firstLine(error)
    throw new Refusal('TOKEN_MODULE', { step: 'initialise the PKCS#11 module', why }, { cause: error })
  }
}

/** A module that is ended already is ended as well as it can be, so what it answers is not told. */
function finalize(cryptoki: Cryptoki): void {
  try {
    cryptoki.C_Finalize()
  } catch (error) {
    if (findCryptokiResult(error) === null) throw error
  }
}

const firstLine = (error: unknown): string => {
  const hasMessage = typeof error === 'object' && error !== null && 'message' in error
  return (hasMessage ? String(error.message) : 'unknown').split('\n', 1)[0] ?? ''
}
