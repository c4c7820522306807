import { ElMessageBox } from 'element-plus/es/components/message-box/index.mjs'
import 'element-plus/es/components/message-box/style/css'
import 'element-plus/es/components/overlay/style/css'
import 'element-plus/es/components/button/style/css'
import 'element-plus/es/components/input/style/css'

/** Ask before something that cannot be taken back; true when the person agrees. */
export async function confirm(question: string, action: string): Promise<boolean> {
  try {
    await ElMessageBox.confirm(question, '请确认', { confirmButtonText: action, cancelButtonText: '取消', type: 'warning' })
    return true
  } catch {
    return false
  }
}
