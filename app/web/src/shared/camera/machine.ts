/**
 * The camera as a state machine without a browser: what is shown, and what may happen next.
 *
 * `closed → asking → live → counting → live`, or `asking → blocked` with a reason a person can act on.
 */
export type BlockReason =
  | 'insecure'
  | 'in_app'
  | 'refused'
  | 'absent'
  | 'busy'
  | 'unsupported'
  | 'lost'
  | 'unknown'

export type CameraState =
  | { name: 'closed' }
  | { name: 'asking' }
  | { name: 'live' }
  | { name: 'shooting'; taken: number; wanted: number }
  | { name: 'blocked'; reason: BlockReason }

export type CameraEvent =
  | { type: 'open' }
  | { type: 'granted' }
  | { type: 'failed'; reason: BlockReason }
  | { type: 'shoot'; wanted: number }
  | { type: 'frame' }
  | { type: 'lost' }
  | { type: 'close' }

export const CLOSED: CameraState = { name: 'closed' }

/** Go on to the next state; an event that does not fit changes nothing. */
export function next(state: CameraState, event: CameraEvent): CameraState {
  if (event.type === 'close') return CLOSED
  switch (state.name) {
    case 'closed':
    case 'blocked':
      return event.type === 'open' ? { name: 'asking' } : state
    case 'asking':
      if (event.type === 'granted') return { name: 'live' }
      return event.type === 'failed' ? { name: 'blocked', reason: event.reason } : state
    case 'live':
      if (event.type === 'shoot') return { name: 'shooting', taken: 0, wanted: event.wanted }
      return event.type === 'lost' ? { name: 'blocked', reason: 'lost' } : state
    case 'shooting':
      if (event.type === 'lost') return { name: 'blocked', reason: 'lost' }
      if (event.type !== 'frame') return state
      return state.taken + 1 >= state.wanted ? { name: 'live' } : { ...state, taken: state.taken + 1 }
  }
}

/** What the page knows about the browser it runs in. */
export interface Surroundings {
  isSecure: boolean
  hasCamera: boolean
  userAgent: string
}

const IN_APP = /MicroMessenger|WeChat|QQ\/|Weibo|DingTalk|AlipayClient|aweme|Toutiao/i

/** Say why the camera cannot even be asked for; null when it can. */
export function obstacle(surroundings: Surroundings): BlockReason | null {
  if (surroundings.hasCamera) return null
  if (!surroundings.isSecure) return 'insecure'
  return IN_APP.test(surroundings.userAgent) ? 'in_app' : 'unsupported'
}

/** Name the reason behind the browser's refusal (`DOMException.name`). */
export function reasonOf(errorName: string, userAgent: string): BlockReason {
  switch (errorName) {
    case 'NotAllowedError':
    case 'PermissionDeniedError':
    case 'SecurityError':
      return IN_APP.test(userAgent) ? 'in_app' : 'refused'
    case 'NotFoundError':
    case 'DevicesNotFoundError':
    case 'OverconstrainedError':
      return 'absent'
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return 'busy'
    default:
      return 'unknown'
  }
}

export interface Guide {
  title: string
  steps: string[]
}

/** What to do about it, in plain words. */
export const GUIDES: Record<BlockReason, Guide> = {
  insecure: {
    title: '当前网址不能打开摄像头',
    steps: ['网址应以 https:// 开头', '请从培训机构发来的短信链接重新进入', '仍打不开时，可以用下面的“拍照上传”'],
  },
  in_app: {
    title: '请换到浏览器里打开',
    steps: [
      '点右上角的“···”或分享按钮',
      '选“在浏览器打开”（苹果手机选“在 Safari 中打开”）',
      '在浏览器里重新登录，就能使用摄像头',
    ],
  },
  refused: {
    title: '摄像头没有得到允许',
    steps: [
      '点地址栏左边的图标，把“摄像头”改成“允许”',
      '苹果手机：设置 → Safari 浏览器 → 相机 → 允许',
      '改好以后点“重新打开”',
    ],
  },
  absent: {
    title: '没有找到摄像头',
    steps: ['电脑请检查摄像头是否插好、挡片是否打开', '也可以换用手机登录，进度会接着上次'],
  },
  busy: {
    title: '摄像头正被别的程序使用',
    steps: ['请关闭视频通话、会议、相机等程序', '关好以后点“重新打开”'],
  },
  unsupported: {
    title: '这个浏览器不支持摄像头',
    steps: ['请把浏览器更新到新版本，或换用手机自带的浏览器', '也可以用下面的“拍照上传”'],
  },
  lost: {
    title: '摄像头断开了',
    steps: ['可能是来电、锁屏或拔掉了摄像头', '请点“重新打开”'],
  },
  unknown: {
    title: '摄像头没有打开',
    steps: ['请点“重新打开”', '仍打不开时，可以用下面的“拍照上传”，或换一台设备'],
  },
}
