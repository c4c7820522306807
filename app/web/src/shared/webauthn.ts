/** Passkeys (fingerprint, face or screen lock of the device): JSON to and from the browser's own objects. */
import { ProblemError } from './api/problem'

/** Options as the server writes them: binary values in base64url. */
export type JsonOptions = Record<string, unknown>

const ENDINGS: Record<string, string> = {
  NotAllowedError: '没有完成验证：可能点了取消，或等待太久。请再试一次。',
  InvalidStateError: '这台设备已经登记过通行密钥，不用再登记。',
  NotSupportedError: '这台设备不支持通行密钥，请换一台设备，或使用人脸验证。',
  SecurityError: '当前网址不能使用通行密钥，请从 https:// 开头的网址进入。',
}

/** Whether this browser knows passkeys at all. */
export const isSupported = (): boolean => typeof window.PublicKeyCredential === 'function'

/** Whether this device has a fingerprint reader, face unlock or screen lock the browser can use. */
export async function hasPlatformAuthenticator(): Promise<boolean> {
  if (!isSupported()) return false
  return PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable().catch(() => false)
}

/** Make a passkey on this device. */
export async function register(options: JsonOptions): Promise<JsonOptions> {
  const publicKey = decoded(options, ['challenge'], ['excludeCredentials']) as unknown as PublicKeyCredentialCreationOptions
  const user = options.user as Record<string, unknown>
  publicKey.user = { ...user, id: fromBase64(user.id as string) } as PublicKeyCredentialUserEntity
  const made = await ask(() => navigator.credentials.create({ publicKey }))
  const response = made.response as AuthenticatorAttestationResponse
  return {
    ...common(made),
    response: {
      clientDataJSON: toBase64(response.clientDataJSON),
      attestationObject: toBase64(response.attestationObject),
      transports: response.getTransports?.() ?? [],
    },
  }
}

/** Prove with a passkey that the person is here. */
export async function prove(options: JsonOptions): Promise<JsonOptions> {
  const publicKey = decoded(options, ['challenge'], ['allowCredentials']) as unknown as PublicKeyCredentialRequestOptions
  const found = await ask(() => navigator.credentials.get({ publicKey }))
  const response = found.response as AuthenticatorAssertionResponse
  return {
    ...common(found),
    response: {
      clientDataJSON: toBase64(response.clientDataJSON),
      authenticatorData: toBase64(response.authenticatorData),
      signature: toBase64(response.signature),
      userHandle: response.userHandle ? toBase64(response.userHandle) : null,
    },
  }
}

async function ask(action: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  if (!isSupported()) throw refusal(ENDINGS.NotSupportedError as string)
  try {
    const credential = await action()
    if (credential === null) throw refusal(ENDINGS.NotAllowedError as string)
    return credential as PublicKeyCredential
  } catch (error) {
    if (error instanceof DOMException) throw refusal(ENDINGS[error.name] ?? (ENDINGS.NotAllowedError as string))
    throw error
  }
}

const refusal = (detail: string) => new ProblemError({ code: 'passkey-stopped', title: '通行密钥验证没有完成', detail }, -1)

function common(credential: PublicKeyCredential): JsonOptions {
  return {
    id: credential.id,
    rawId: toBase64(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
  }
}

function decoded(options: JsonOptions, binary: string[], lists: string[]): JsonOptions {
  const result: JsonOptions = { ...options }
  for (const key of binary) result[key] = fromBase64(options[key] as string)
  for (const key of lists) {
    const list = (options[key] ?? []) as { id: string }[]
    result[key] = list.map((item) => ({ ...item, id: fromBase64(item.id) }))
  }
  return result
}

export function toBase64(buffer: ArrayBuffer): string {
  const binary = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join('')
  return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

export function fromBase64(text: string): ArrayBuffer {
  const binary = atob(text.replace(/-/g, '+').replace(/_/g, '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0)).buffer
}
