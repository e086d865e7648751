import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { toHex } from '../domain/bytes.js'
import type { Clock } from '../domain/clock.js'
import { Refusal } from '../domain/refusal.js'
import { manifestSha256, parseEnvelope } from '../domain/suit/envelope.js'
import type { Token } from '../token/token.port.js'
import { requireClock } from './checks/clock.check.js'
import type { SignerConfig } from './config.js'
import { ActiveLock } from './host/active-lock.js'
import { errnoOf } from './host/errno.js'
import { hostSha256 } from './host/host-id.js'
import type { SignerLog } from './host/signer-log.js'
import type { MachineUptime } from './host/system-clock.js'
import { isReleaseOperation, type TimedEntry } from '../domain/signer-journal/journal-entry.js'
import { openJournal } from './journal/journal-file.js'
import { InOrder } from './in-order.js'
import { JournalMark } from './journal/journal-mark.js'
import { JournalWriter } from './journal/journal-writer.js'
import { CertificateLedger } from './online/certificate-ledger.js'
import { OnlineSigner } from './online/online-signer.js'
import { FreshnessLedger } from './online/freshness-ledger.js'
import { PaceLedger } from './online/pace-ledger.js'
import { VerdictCache } from './verdict-cache.js'
import { ReleaseLedger } from './release/release-ledger.js'
import { ReleaseSigner } from './release/release-signer.js'
import { RequestsUnderWay } from './requests-under-way.js'
import type { SignerOperations } from './signer-operations.js'
import { SignerState, type Ledger } from './signer-state.js'
import { RequestLog } from './socket/request-log.js'
import { SignerServer } from './socket/signer-server.js'
import { PublishedFolder } from './trust/published-folder.js'
import { PublishedReader } from './trust/published-reader.js'

/** What a signer takes from outside of its configuration. */
export interface SignerParts {
  readonly clock: Clock
  readonly uptime: MachineUptime
  readonly log: SignerLog
  /** Opened once the state is known to be whole. `isAlone`: nobody waits but the one whose signature is made. */
  openToken(isAlone: () => boolean): Promise<Token>
}

export interface RunningSigner {
  /** Answers what is under way, then lets go of socket, journal, token and lock. */
  stop(): Promise<void>
}

/**
 * Starts one process: lock, journal, token, socket, in that order. Whatever was taken is let go when a later step fails.
 * @throws Refusal saying what is missing or wrong.
 */
export async function startSigner(config: SignerConfig, parts: SignerParts): Promise<RunningSigner> {
  const undo: (() => void | Promise<void>)[] = []
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    await start(config, parts, (step) => undo.push(step))
    return { stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function start(
  config: SignerConfig,
  parts: SignerParts,
  onStop: (step: () => void | Promise<void>) => void,
): Promise<void> {
  const { clock, uptime, log } = parts
  const namespace = config.SIGNER_NAMESPACE
  makeStateFolder(config.SIGNER_STATE_DIR)
  const lock = await ActiveLock.take(config.SIGNER_STATE_DIR)
  onStop(() => lock.release())

  const ledgers = { release: new ReleaseLedger(), online: new PaceLedger() }
  const certificates = new CertificateLedger()
  const statements = new FreshnessLedger()
  const online: Ledger = {
    apply(timed) {
      for (const ledger of [ledgers.online, certificates, statements]) ledger.apply(timed)
    },
  }
  const pinnedRoot = readRoot(config.SIGNER_ROOT_FILE)
  const state = new SignerState(
    config.SIGNER_PROCESS,
    pinnedRoot,
    uptime.bootId,
    { release: ledgers.release, online }[config.SIGNER_PROCESS],
  )
  const published = config.SIGNER_PROCESS === 'release' ? new PublishedFolder(config.SIGNER_PUBLISHED_DIR) : null
  const mark = new JournalMark(config.SIGNER_STATE_DIR)
  const reached = mark.find()
  const releases = new Map<string, Uint8Array>()
  const replay = (timed: TimedEntry): void => {
    state.apply(timed)
    if (published !== null) rememberRelease(releases, timed)
  }
  const journal = openJournal(config.SIGNER_STATE_DIR, namespace, replay, reached)
  const underWay = new RequestsUnderWay()
  const writer = new JournalWriter(namespace, journal, underWay.isAlone)
  onStop(async () => {
    await writer.close()
    mark.set(writer.head)
  })
  state.attach(writer)
  published?.publishTrust(state.held)
  published?.publishReleasesAgain(releases)
  // A journal that began elsewhere came without its mark.
  const isRestored = !journal.reachesMark || (reached === null && journal.head.index > 0)
  const host = hostSha256(config.SIGNER_STATE_DIR, config.SIGNER_HOST_ID_FILE)
  const { tornBytes } = journal
  await recordStart(state, parts, { tornBytes, isRestored, hostSha256: host, startId: randomBytes(16) })
  mark.set(writer.head)
  onStop(
    mark.follow(
      () => writer.head,
      (refusal) => log.warn('signer.mark-behind', { why: refusal.detail.why }),
    ),
  )
  for (const { requestId, operation } of ledgers.release.unknownOutcomes())
    log.warn('signer.outcome-unknown', { requestId, operation })

  const token = await parts.openToken(underWay.isAlone)
  onStop(() => token.close())
  const isSandboxed = config.SIGNER_SANDBOX === 'required'
  const common = { namespace, clock, uptime, token, isAlone: underWay.isAlone, state, isSandboxed, log }
  const operations: SignerOperations =
    published !== null
      ? new ReleaseSigner({
          ...common,
          ledger: ledgers.release,
          published,
          verdicts: new VerdictCache(),
          order: new InOrder(),
        })
      : new OnlineSigner({
          ...common,
          ledger: ledgers.online,
          certificates,
          statements,
          published: new PublishedReader(config.SIGNER_PUBLISHED_DIR),
          verdicts: new VerdictCache(),
        })
  const server = await SignerServer.listen(config.SIGNER_SOCKET, underWay.counted(operations), new RequestLog(log))
  onStop(() => server.close())
  underWay.watch(() => server.connectionCount)
  const { suspensionId } = state.continuity
  if (suspensionId !== null) log.warn('signer.suspended', { suspensionId: toHex(suspensionId) })
  const { root } = state.held.state
  log.info('signer.serving', { namespace, rootVersion: root.version, keys: token.keys().length, isSandboxed })
}

/** A clock that check 4 refuses is not stored: its reading would be the last time seen from then on. */
async function recordStart(
  state: SignerState,
  { clock, uptime, log }: SignerParts,
  start: Omit<Parameters<SignerState['startEntry']>[0], 'uptimeSeconds'>,
): Promise<void> {
  const { tornBytes } = start
  if (tornBytes > 0) log.warn('signer.journal-torn', { tornBytes })
  try {
    const now = requireClock(clock, uptime, state)
    await state.record({ time: now, entry: state.startEntry({ ...start, uptimeSeconds: uptime.seconds() ?? 0 }) })
  } catch (error) {
    if (!(error instanceof Refusal) || (error.code !== 'CLOCK_BEHIND' && error.code !== 'CLOCK_JUMPED')) throw error
    log.warn('signer.clock-refused', { code: error.code })
    await state.record({ time: state.lastSeen, entry: state.startEntry({ ...start, uptimeSeconds: 0 }) })
  }
}

/**
 * Releases that were signed and, for a crash in between, perhaps not published. Of one that was signed again the last envelope
 * counts: the one before is not shown again, not even for a moment.
 */
function rememberRelease(releases: Map<string, Uint8Array>, { entry }: TimedEntry): void {
  if (entry.kind === 'result' && isReleaseOperation(entry.operation))
    releases.set(toHex(manifestSha256(parseEnvelope(entry.bytes).manifest)), entry.bytes)
}

function makeStateFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return
    throw new Refusal('SIGNER_STORAGE', { why: `${folder}: ${errnoOf(error) ?? 'failed'}` }, { cause: error })
  }
}

function readRoot(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path))
  } catch (error) {
    throw new Refusal('FILE_UNREADABLE', { path, why: errnoOf(error) ?? 'failed' }, { cause: error })
  }
}
