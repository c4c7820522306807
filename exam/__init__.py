"""Question bank (题库), blueprint, papers (试卷), attempts, answers, marking.

Vocabulary: 结业考核 final exam · 自测练习 practice · 随堂测验 gate quiz.
"""
