# What a Hugging Face Space of the kind "docker" runs: app.py, with the versions that the tests passed with.
FROM python:3.11-slim
RUN useradd --create-home --uid 1000 user
USER user
WORKDIR /home/user/app
ENV PATH=/home/user/.local/bin:$PATH
COPY --chown=user . .
RUN pip install --no-cache-dir --user --constraint constraints.txt .
EXPOSE 7860
CMD ["python", "app.py"]
