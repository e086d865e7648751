import { z } from 'zod'
import { listOf } from './api-answers.js'
import { segment } from './command-shape.js'
import { PatientLook } from './patient-look.js'
import { timeText } from './quantity-text.js'
import type { Session } from './session.js'

const Story = z.looseObject({
  id: z.string(),
  className: z.string().nullable(),
  protocol: z.string(),
  enrolledAt: z.number(),
  lastSeenAt: z.number(),
  state: z.string().nullable(),
  reason: z.string().nullable(),
  reportedMs: z.number().nullable(),
  runningSequence: z.number().nullable(),
  runningManifestSha256: z.string().nullable(),
  decommissionedAt: z.number().nullable(),
  deployments: z.array(
    z.looseObject({
      rolloutId: z.string(),
      stage: z.number(),
      state: z.string(),
      reason: z.string().nullable(),
      changedAt: z.number(),
    }),
  ),
  certificates: z.array(z.looseObject({ serial: z.string(), issuedAt: z.number(), notAfter: z.number() })),
})
type Story = z.infer<typeof Story>
const Action = z.looseObject({
  id: z.string(),
  rolloutId: z.string(),
  outcome: z.string().nullable(),
  createdAt: z.number(),
  closedAt: z.number().nullable(),
  repeats: z.number(),
  entries: z.array(
    z.looseObject({
      atMs: z.number(),
      by: z.string(),
      status: z.string(),
      code: z.number().nullable(),
      progress: z.tuple([z.number(), z.number()]).nullable(),
      messages: z.array(z.string()),
    }),
  ),
})
type Action = z.infer<typeof Action>

interface Moment {
  readonly atMs: number
  readonly what: string
}

/** Tells a device's story so far, in the order of time, and goes on as it happens until it is interrupted. */
export async function watchDevice(session: Session, id: string, intervalMs: number, isOnce: boolean): Promise<void> {
  const told = new Set<string>()
  const look = new PatientLook(session.world)
  for (;;) {
    for (const moment of await look.at(() => storyOf(session, id))) {
      const line = `${timeText(Math.floor(moment.atMs / 1_000))}  ${moment.what}`
      if (told.has(line)) continue
      told.add(line)
      session.output.line(line)
      session.output.result(moment)
    }
    if (isOnce) return
    await session.world.sleep(intervalMs)
  }
}

async function storyOf(session: Session, id: string): Promise<readonly Moment[]> {
  const story = await session.api.get(`/devices/${segment(id)}`, Story)
  const actions =
    story.protocol === 'ddi'
      ? (await session.api.get(`/ddi/targets/${segment(id)}/actions?limit=50`, listOf(Action))).items
      : []
  return [...ofDevice(story), ...actions.flatMap((action) => [...ofAction(action)])].toSorted((a, b) => a.atMs - b.atMs)
}

function* ofDevice(story: Story): Iterable<Moment> {
  const seconds = (at: number, what: string): Moment => ({ atMs: at * 1_000, what })
  yield seconds(story.enrolledAt, `enrolled as ${story.className ?? 'a class that is gone'}, speaks ${story.protocol}`)
  for (const each of story.deployments) {
    const reason = each.reason === null ? '' : ` (${each.reason})`
    yield seconds(each.changedAt, `rollout ${each.rolloutId}, stage ${each.stage + 1}: ${each.state}${reason}`)
  }
  for (const { serial, issuedAt, notAfter } of story.certificates)
    yield seconds(issuedAt, `has certificate ${serial} until ${timeText(notAfter)}`)
  if (story.reportedMs !== null) {
    const reason = story.reason === null ? '' : ` (${story.reason})`
    const runs =
      story.runningSequence === null || story.runningSequence === 0
        ? 'nothing of ours'
        : `sequence ${story.runningSequence}, manifest ${(story.runningManifestSha256 ?? '').slice(0, 16)}`
    yield { atMs: story.reportedMs, what: `says it is ${story.state ?? 'unknown'}${reason} and runs ${runs}` }
  }
  if (story.decommissionedAt !== null) yield seconds(story.decommissionedAt, 'decommissioned')
}

/** Words that came again are counted, and are no entries. */
export const repeatsText = (repeats: number): string => (repeats === 0 ? '' : `, ${repeats} times the same words again`)

function* ofAction(action: Action): Iterable<Moment> {
  yield { atMs: action.createdAt * 1_000, what: `action ${action.id} for rollout ${action.rolloutId}` }
  for (const { atMs, by, status, code, progress, messages } of action.entries) {
    const words = [
      ...(progress === null ? [] : [`${progress[0]} of ${progress[1]}`]),
      ...(code === null ? [] : [`code ${code}`]),
      ...messages.map((message) => `"${message}"`),
    ]
    yield { atMs, what: `action ${action.id}, ${by}: ${[status, ...words].join(' ')}` }
  }
  if (action.closedAt !== null && action.outcome !== null)
    yield {
      // Its end is known to the second, what was said to the millisecond: the last word comes before the end that it made.
      atMs: Math.max(action.closedAt * 1_000, ...action.entries.map(({ atMs }) => atMs)),
      what: `action ${action.id} is over: ${action.outcome}${repeatsText(action.repeats)}`,
    }
}
