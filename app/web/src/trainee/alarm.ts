/** Calls a person back to the screen: a sound, a buzz, a blinking title. */
export interface Alarm {
  /** Allow sound later; must be called from a tap. */
  prepare(): void
  ring(title: string): void
  stop(): void
}

const BLINK_MS = 900

export function createAlarm(): Alarm {
  let audio: AudioContext | null = null
  let blinking: ReturnType<typeof setInterval> | undefined
  let plainTitle = ''

  function prepare(): void {
    if (audio === null && typeof AudioContext === 'function') audio = new AudioContext()
    if (audio?.state === 'suspended') void audio.resume()
  }
  function beep(): void {
    if (audio === null || audio.state !== 'running') return
    for (const [start, pitch] of [[0, 660], [0.28, 880], [0.56, 660], [0.84, 880]] as const) {
      const tone = audio.createOscillator()
      const volume = audio.createGain()
      tone.frequency.value = pitch
      volume.gain.setValueAtTime(0.0001, audio.currentTime + start)
      volume.gain.exponentialRampToValueAtTime(0.35, audio.currentTime + start + 0.03)
      volume.gain.exponentialRampToValueAtTime(0.0001, audio.currentTime + start + 0.25)
      tone.connect(volume).connect(audio.destination)
      tone.start(audio.currentTime + start)
      tone.stop(audio.currentTime + start + 0.26)
    }
  }
  function stop(): void {
    if (blinking === undefined) return
    clearInterval(blinking)
    blinking = undefined
    document.title = plainTitle
  }
  return {
    prepare,
    stop,
    ring(title) {
      stop()
      prepare()
      beep()
      const mayBuzz = (navigator as { userActivation?: { hasBeenActive: boolean } }).userActivation?.hasBeenActive ?? true
      if (mayBuzz && typeof navigator.vibrate === 'function') navigator.vibrate([300, 150, 300, 150, 300])
      plainTitle = document.title
      let isOn = false
      blinking = setInterval(() => {
        isOn = !isOn
        document.title = isOn ? `【${title}】` : plainTitle
      }, BLINK_MS)
    },
  }
}
