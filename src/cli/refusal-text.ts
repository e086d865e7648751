import { Refusal } from '../domain/refusal.js'
import { ServerRefusal } from './api-client.js'
import { printable } from './printable-text.js'

const ASK_ANEW =
  'a release by "countersign firmware submit" and "release create", a list by the command that asked for it, and people approve the new one'
/** A signer that fails after check 16 has written the request down: it never signs that one. */
const SIGNER_FAILED = `the signer could not sign, and what it was asked for is spent. Mend it ("signer doctor" names the step), then ask anew: ${ASK_ANEW}`

/** What to do about a refusal, by its code. Codes that are not here get the advice of their kind. */
const advice: Readonly<Record<string, string>> = {
  PASSPHRASE_WRONG: 'type the passphrase of this key file again; there is no way around it, a lost one means a new key',
  TOKEN_MODULE:
    'see the path of the PKCS#11 module (--token names another), and that its own service and settings are there',
  TOKEN_PIN: 'do not guess: a few wrong PINs lock the token; the vendor’s tool tells how many tries are left',
  TOKEN_KEY_MISSING: 'this token does not hold the key of the key file: take the right token, or the right key file',
  TOKEN_KEY_ATTRIBUTE:
    'a key that could leave its token is not used; make a new one with "countersign key create --token"',
  TOKEN_FAILED: 'plug the token in and repeat this command; the step that is named says how far it came',
  IMAGE_MISMATCH: 'do not sign: the server does not hold the bytes this release names; tell a security officer',
  SUBMISSION_MISMATCH: 'do not sign: the engineer signed for something else; ask them what they submitted',
  DIGEST_MISMATCH: 'do not sign: the bytes are not what they are said to be; tell a security officer',
  PACKAGE_MISSING: 'do what "fix" says, then repeat this command',
  DRILL_FAILED: 'the lines above say what went wrong; production was not touched',
  FALLBACK_MISMATCH:
    'do not sign: a fallback is another image of the same class with a higher sequence; have the release made anew',
  MANIFEST_MISMATCH: 'do not sign: the page shows something else than the manifest holds; tell a security officer',
  MANIFEST_TEMPLATE: 'do not sign: this manifest does more than our template allows; tell a security officer',
  SIGNER_REFUSED:
    'what you signed is kept. Mend what is named; then anybody who approved it may approve it again, and the signer is asked once more',
  CHANGE_WINDOW_CLOSED:
    'what you signed is kept, and a release is signed within a minute after the window opened; sooner by the break-glass quorum',
  CONFLICT: 'the same again would be refused again: change what "why" names first',
  PLAN_IMPOSSIBLE: '"countersign rollout plan ID" says what is in the way, in words',
  QUORUM_NOT_MET: 'more people have to approve it first: "countersign approvals list" tells what waits for them',
  PLAN_MISMATCH: 'do not sign: the plan is not about what the page shows; tell a security officer',
  WRONG_CLASS:
    'name a class of this namespace: its id, or model/hardware-revision/environment; "countersign namespace show" lists them',
  SUBMITTER_UNKNOWN: 'the policy must list the submitter as an engineer; a new policy version adds them',
  APPROVER_UNKNOWN: 'the policy must list this key; a new policy version adds it',
  APPROVER_REPEATED: 'who approves counts once: now another person',
  APPROVER_IS_REQUESTER: 'another person has to approve what you submitted',
  APPROVAL_MISMATCH:
    'an approval is about something else than is asked for; where field is policyVersion, its signer held another policy: "countersign trust update" there, then sign again',
  APPROVAL_EXPIRED: 'its life is over: who gave it approves again',
  RATE_EXCEEDED:
    'what you signed is kept. As many as the policy allows in 24 hours are signed: wait, or push a policy with a higher limit; then all who approved approve again',
  APPROVAL_ROLE: 'approve in a role that the policy gives you (--role), or ask for one in the next policy',
  KEY_UNKNOWN:
    'this key may not sign that: use one of a holder, or leave its signature out; a policy that is stored comes as its next version',
  KEY_REVOKED: 'this key is on the revocation list; make a new one and have it listed',
  KEY_NOT_ACTIVE: 'the life of this key is over or has not begun; list a successor in the next root or policy',
  THRESHOLD_NOT_MET: 'collect more signatures of holders of that role',
  SIGNATURE_INVALID: 'the document was changed after it was signed, or signed by another key; get it anew',
  SIGNATURE_DUPLICATE: 'every holder signs once: leave the second signature out',
  ROOT_EXPIRED: 'a new root is overdue: hold the ceremony for the next version',
  ROOT_VERSION: 'bring the roots in order, without a gap',
  POLICY_EXPIRED: 'a new policy version is overdue',
  POLICY_VERSION: 'the server offers an older policy than you hold: tell a security officer',
  POLICY_LAPSED:
    'who signed the stored copy of this version holds the role no more: sign the same policy as the next version',
  POLICY_CHANGED: 'two different policies carry one version: tell a security officer',
  KRL_OLD: 'the server offers an older revocation list than you hold: tell a security officer',
  KRL_EQUIVOCATION: 'two different revocation lists carry one number: tell a security officer',
  KRL_EXPIRED: 'renew the revocation list: "countersign keys renew"',
  KRL_ENTRY_FORBIDDEN:
    'a key that signs revocation lists is revoked with an emergency key (countersign keys emergency); root and emergency keys by a successor root without them',
  JOURNAL_BROKEN:
    'bytes of this journal were changed or are missing: keep the file, and tell a security officer (a signer that starts drops a last frame that a crash tore)',
  JOURNAL_CONTENT: 'this journal says something that nobody signed: keep the file, and tell a security officer',
  SIGNER_KEY_MISSING:
    'list a key of that role, made by the signer\'s "keygen", in the root; a signer knows a new key after it was started again',
  SIGNER_UNAVAILABLE:
    'the server cannot reach that signer: see that it runs; where it does not start, "signer doctor" names the step',
  SIGNER_SUSPENDED:
    'its state was copied or restored: "countersign ceremony resume-signer propose" begins the way back',
  REQUEST_SPENT: `the signer wrote this request down once and could not say what came of it, so it is never signed. Ask anew: ${ASK_ANEW}`,
  CLOCK_BEHIND:
    'set the clock of the signer’s machine right; if it still refuses, "countersign ceremony clock-reset propose" begins the way back',
  CLOCK_JUMPED:
    'set the clock of the signer’s machine right; if it still refuses, "countersign ceremony clock-reset propose" begins the way back',
  ORDER_MISMATCH:
    'this order is about another moment: "countersign signer status --process NAME --json", then propose and sign it anew',
  KRL_MISSING: 'there is no revocation list yet: "countersign keys krl-first"',
  POLICY_MISSING: 'there is no policy yet: "countersign trust push --policy FILE"',
  QUORUM_UNDEFINED: 'the policy lets nobody do this: a new policy version names who',
  APPROVAL_NOT_YET: 'the clock of the machine where it was approved is ahead: set it right, and approve again',
  MANIFEST_REVOKED: 'it was withdrawn, which nothing takes back: make a new release',
  ALGORITHM_NOT_ALLOWED:
    'the root does not list this algorithm: make a key of another kind, or list it in the next root',
  KEY_NOT_NEWER: 'nothing to do: a release is signed again only after its key was rotated',
  APPROVAL_VOID: 'the signer was resumed after this was approved: approve again',
  SEQUENCE_OVERTAKEN: 'run "countersign release renew ID", then have it approved again',
  ROLE_ENDS: 'the manifest keys end before devices would have it: hold the root ceremony that lists their successors',
  UNAUTHENTICATED: 'run "countersign login" with a token that is valid',
  FORBIDDEN: 'use a token with the role that is needed; a security officer makes one with "countersign token create"',
  NOT_FOUND: 'look it up with the list command; ids are printed in full there',
  SERVER_UNREACHABLE: 'see that the server runs and that "countersign login" named the right address',
  SERVER_ANSWER: 'see that server and command line are of the same version',
  FILE_EXISTS: 'choose another name: keys and signed documents are never overwritten',
  FILE_UNREADABLE: 'see the path and the permissions of the file',
  CONFIGURATION: 'do what the line above says, then repeat this command',
  NOT_CONFIRMED: 'nothing was signed or changed; answer "yes", or give --yes, to go on',
  REQUEST_INVALID: 'correct the field that is named; --help shows an example',
  VERSION_MALFORMED: 'use a version such as 1.4.0 or 1.4.0-rc.1 (alpha, beta or rc)',
  UPLOAD_INTERRUPTED: 'repeat this command when the server is there again: it goes on where it was',
  UPLOAD_BUSY: 'another command uploads the same; wait for it, or repeat this one later',
  STORE_FULL:
    'the server has no room left: tell its operator, then repeat this command; an upload goes on where it was',
  STORE_UNAVAILABLE: 'the server cannot reach its store: tell its operator, then repeat this command',
  STORE_CORRUPT: "the server's store has other bytes than it was given: upload the file again, which replaces them",
  IMAGE_UNKNOWN: "the bytes are gone from the server's store: upload the file again, which brings them back",
  FIRMWARE_PRUNED: 'its bytes were given up, as nothing needed them: upload the file again',
  IMAGE_TOO_LARGE: 'the server or the policy takes no image of this size; the limit is above',
  FORMAT_NOT_ALLOWED: 'build firmware of a format that the policy allows, or have the next policy allow this one',
  FIRMWARE_DAMAGED: 'build or fetch the file again',
  EMBEDDED_SIGNATURE_INVALID: 'sign the image again with the key that it names, or take that key out of its header',
  VERSION_DISAGREES: 'type the version that the firmware states, or build it with the one you typed',
  CLASS_DISAGREES: 'name the class that the firmware was built for, or have its target listed with the class',
}

/** The same code means something else where it is the server or the signer that refuses what we brought. */
const adviceOfServer: Readonly<Record<string, string>> = {
  KRL_OLD:
    'the server holds a newer list than the one that yours follows: "countersign trust update", then propose it anew',
  TOKEN_MODULE: SIGNER_FAILED,
  TOKEN_FAILED: SIGNER_FAILED,
  TOKEN_PIN: SIGNER_FAILED,
  TOKEN_KEY_MISSING: SIGNER_FAILED,
  TOKEN_KEY_ATTRIBUTE: SIGNER_FAILED,
  SIGNER_STORAGE: SIGNER_FAILED,
}

const byStatus = (status: number): string => {
  if (status >= 500) return 'the server failed, not you: look at its log, then repeat this command'
  if (status === 404) return advice['NOT_FOUND'] ?? ''
  return 'correct what is named and repeat this command'
}

/** The facts of a refusal as `name=value`. */
function factsOf(detail: unknown): string {
  if (typeof detail === 'string') return detail
  if (typeof detail !== 'object' || detail === null) return ''
  return Object.entries(detail)
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(' ')
}

/** What the signer said through the server; "" where it said nothing. */
function signerCodeOf({ code, detail }: Refusal | ServerRefusal): string {
  const said = typeof detail === 'object' && detail !== null && 'code' in detail ? detail.code : ''
  return code === 'SIGNER_REFUSED' && typeof said === 'string' ? said : ''
}

/** For what is not found, where another command than that of a list tells what there is. */
function lookUpOf({ code, detail }: Refusal | ServerRefusal): string | undefined {
  const what = typeof detail === 'object' && detail !== null && 'what' in detail ? detail.what : ''
  return code === 'NOT_FOUND' && what === 'device class' ? '"countersign namespace show" lists the classes' : undefined
}

/** Two lines: what was refused, and what to do next. Control characters of a server never reach the terminal. */
export function describeRefusal(error: Refusal | ServerRefusal): readonly [string, string] {
  const facts = factsOf(error.detail)
  const who = error instanceof ServerRefusal ? 'refused by the server' : 'refused'
  const title = error instanceof ServerRefusal && facts === '' ? error.title : facts
  const status = error instanceof ServerRefusal ? error.status : 0
  const said = signerCodeOf(error)
  const ofServer = error instanceof ServerRefusal ? adviceOfServer[said === '' ? error.code : said] : undefined
  const next = lookUpOf(error) ?? ofServer ?? advice[said] ?? advice[error.code] ?? byStatus(status)
  return [printable(`${who}: ${error.code}${title === '' ? '' : ` (${title})`}`), `next: ${next}`]
}
