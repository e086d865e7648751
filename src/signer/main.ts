#!/usr/bin/env node
import { Refusal } from '../domain/refusal.js'
import { Pkcs11Token } from '../token/pkcs11-token.js'
import { loadSignerConfig, loadTokenConfig, type SignerConfig } from './config.js'
import { runDoctor } from './doctor/doctor.js'
import { isCoreDumpOff, ownProcess, requireNoNetwork } from './host/sandbox-check.js'
import { SignerLog } from './host/signer-log.js'
import { SystemClock, systemUptime } from './host/system-clock.js'
import { parseKeygen, runKeygen } from './keygen.js'
import { startSigner, type RunningSigner } from './start-signer.js'
import { describeFailure } from './startup-failure.js'
import { sessionsOf, tokenAccessOf } from './token-access.js'

const usage = `signer                          serves until it is told to end (SIGTERM); settings are in the environment
signer keygen --role ROLE …     makes keys in the token, prints their public halves
                                [--algorithm ed25519|esp256] [--always-authenticate]
signer doctor [--json]          goes through all that a signer needs, and names the first step that fails

Example:
  $ signer keygen --role manifest-a --role krl --algorithm esp256
  $ signer doctor --json`

async function main(): Promise<void> {
  const [command, ...rest] = process.argv.slice(2)
  if (process.argv.includes('--help')) {
    process.stdout.write(`${usage}\n`)
    return
  }
  switch (command) {
    case undefined:
      return serve(loadSignerConfig(process.env))
    case 'keygen': {
      const order = parseKeygen(rest)
      process.stdout.write(`${await runKeygen(order, loadTokenConfig(process.env))}\n`)
      return
    }
    case 'doctor': {
      const { text, isGood } = await runDoctor(rest, process.env)
      process.stdout.write(`${text}\n`)
      process.exitCode = isGood ? 0 : 1
      return
    }
    default:
      throw new Refusal('CONFIGURATION', { name: command, why: 'unknown command; --help lists them' })
  }
}

async function serve(config: SignerConfig): Promise<void> {
  // Whoever reads the log may go away; what was signed is in the journal, and serving goes on.
  process.stdout.on('error', () => undefined)
  const log = new SignerLog(`signer-${config.SIGNER_PROCESS}`, linesTogether())
  requireSandbox(config, log)
  const starting = startSigner(config, {
    clock: new SystemClock(),
    uptime: systemUptime(),
    log,
    openToken: (isAlone) => openToken(config, log, isAlone),
  })
  let stopping: Promise<void> | null = null
  const stop = (): void => {
    stopping ??= stopWhenStarted(starting, log)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  await starting
}

/** Says what the token can do, as it says itself and as it was tried. */
async function openToken(config: SignerConfig, log: SignerLog, isAlone: () => boolean): Promise<Pkcs11Token> {
  const limits = { sessions: sessionsOf(config), answerMs: TOKEN_MS }
  const token = await Pkcs11Token.open({ ...tokenAccessOf(config), keys: [], ...limits, isAlone })
  const { algorithms, ...facts } = token.capabilities
  const signs = algorithms.filter((one) => one.signs).map((one) => one.name)
  log.info('signer.token', { ...facts, signs })
  return token
}

/** Far more than any token takes, and less than those who ask wait. */
const TOKEN_MS = 30_000
const LOG_MS = 20

/** Lines of a moment leave in one write, which may wake a reader each time; the last ones when the process ends. */
function linesTogether(): (line: string) => void {
  let waiting = ''
  const flush = (): void => {
    if (waiting !== '') process.stdout.write(waiting)
    waiting = ''
  }
  process.on('exit', flush)
  return (line) => {
    if (waiting === '') setTimeout(flush, LOG_MS).unref()
    waiting += `${line}\n`
  }
}

async function stopWhenStarted(starting: Promise<RunningSigner>, log: SignerLog): Promise<void> {
  try {
    await (await starting).stop()
    log.info('signer.stopped')
    process.exit(0)
  } catch (error) {
    fail(error)
  }
}

function requireSandbox(config: SignerConfig, log: SignerLog): void {
  if (config.SIGNER_SANDBOX === 'off') {
    log.warn('signer.without-sandbox')
    return
  }
  requireNoNetwork(ownProcess)
  if (isCoreDumpOff(ownProcess)) return
  if (config.PROFILE === 'production') throw new Refusal('SANDBOX_UNAVAILABLE', { why: 'core dumps are on' })
  log.warn('signer.core-dumps-on')
}

function fail(error: unknown): never {
  process.stderr.write(`${describeFailure(error)}\n`)
  process.exit(1)
}

main().catch(fail)
